import assert from "node:assert/strict";
import { Agent } from "../seed/agent.mjs";

const rows = (page, table) => page.getByRole("table", { name: table }).locator("tbody.item");

/** Enrollment, events and the account. */
export const checks = {
  "a token made here enrolls a host, and its command is shown once": async ({ page, server, agents }) => {
    await page.goto("/enrollment");
    await page.getByLabel("Labels for its hosts").fill("env=prod,role=web");
    await page.getByRole("button", { name: "Make token" }).click();
    const command = await page.getByLabel("Command to enroll a host").textContent();
    assert.match(command, /staunch-agent enroll --server https:\/\/\S+ --token-file -/);
    const token = command.match(/echo (\S+) \|/)[1];
    const agent = await new Agent(server, "from-the-console").enroll(token);
    agents.set(agent.name, agent);
    assert.equal(agent.state, "approved");
    await rows(page, "Enroll-tokens").first().getByText("used up").waitFor();
    await page.getByRole("button", { name: "Done" }).click();
    assert.equal(await page.getByText(token).count(), 0);
    await assert.rejects(new Agent(server, "second").enroll(token), /401/);
  },

  "a token can be revoked before it is used": async ({ page, server }) => {
    await page.getByLabel("Hosts", { exact: true }).fill("5");
    await page.getByRole("button", { name: "Make token" }).click();
    const command = await page.getByLabel("Command to enroll a host").textContent();
    await page.getByText("Its hosts then wait for you in").waitFor();
    await page.getByRole("button", { name: "Done" }).click();
    await rows(page, "Enroll-tokens").first().getByRole("button", { name: "Revoke …" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await rows(page, "Enroll-tokens").first().getByText("revoked").waitFor();
    await assert.rejects(new Agent(server, "late").enroll(command.match(/echo (\S+) \|/)[1]), /401/);
  },

  "labels that cannot be read are refused at their field": async ({ page }) => {
    await page.getByLabel("Labels for its hosts").fill("prod");
    await page.getByRole("button", { name: "Make token" }).click();
    await page.getByText("“prod” is not a label").waitFor();
  },

  "events say what happened and who did it": async ({ page }) => {
    await page.goto("/events");
    const row = rows(page, "Events").filter({ hasText: "enroll_token.revoked" });
    await row.first().getByText("user:admin").waitFor();
  },

  "an API token's secret is shown once and works": async ({ page, server }) => {
    await page.goto("/account");
    await page.getByLabel("What for").fill("backup script");
    await page.getByRole("button", { name: "Make token" }).click();
    const secret = (await page.getByLabel("API token", { exact: true }).textContent()).replace(/Cop(y|ied)$/, "").trim();
    const answer = await server.request("GET", "/api/v1/hosts?limit=1", { headers: { authorization: `Bearer ${secret}` } });
    assert.equal(answer.status, 200);
    await rows(page, "API tokens").filter({ hasText: "backup script" }).getByRole("button", { name: "Revoke …" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await rows(page, "API tokens").filter({ hasText: "backup script" }).getByText("revoked").waitFor();
    await page.reload();
    await page.getByLabel("What for").waitFor();
    assert.equal(await page.getByText(secret).count(), 0);
  },

  "a wrong present password does not change it": async ({ page }) => {
    await page.getByLabel("Present password").fill("not the password");
    await page.getByLabel("New password", { exact: true }).fill("another long password");
    await page.getByLabel("New password again").fill("another long password");
    await page.getByRole("button", { name: "Change password" }).click();
    await page.getByRole("alert").first().waitFor();
  },
};
