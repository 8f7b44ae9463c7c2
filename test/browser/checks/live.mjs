import assert from "node:assert/strict";

/** What changes while one looks, and how the console looks elsewhere. */
export const checks = {
  "a change on a host shows without loading the page again": async ({ page, agents }) => {
    const agent = agents.get("db-01");
    await page.goto(`/hosts/${agent.id}`);
    await page.locator("[data-live=Live]").waitFor();
    await page.getByRole("tab", { name: "Summary" }).waitFor();
    await page.evaluate(() => (window.notReloaded = true));
    const facts = structuredClone(agent.sections.facts);
    facts.kernel.running = "6.1.0-99-amd64";
    facts.units.push({ name: "zz-broken.service", failed: true });
    await agent.report({ ...agent.sections, facts }, agent.vitals);
    await page.getByText("6.1.0-99-amd64").first().waitFor();
    await page.getByText("zz-broken.service").waitFor();
    assert.equal(await page.evaluate(() => window.notReloaded), true);
  },

  "a new host shows in an open list": async ({ page, agents, server, operator }) => {
    await page.goto("/hosts?q=arrived");
    await page.getByText("No host matches.").waitFor();
    const { Agent } = await import("../seed/agent.mjs");
    const { token } = await operator("POST", "/api/v1/enroll-tokens", { uses: 1 });
    agents.set("arrived", await new Agent(server, "arrived-just-now").enroll(token));
    await page.getByRole("table", { name: "Hosts" }).getByText("arrived-just-now").waitFor();
  },

  "a lost server is said, and what was missed is asked again": async ({ page, server, state, problems, operator }) => {
    await page.goto("/hosts?q=arrived");
    await page.locator("[data-live=Live]").waitFor();
    const known = problems.length;
    state.serverDown = true;
    await server.stop();
    await page.locator("[data-live=Disconnected]").waitFor();
    await page.getByRole("table", { name: "Hosts" }).getByText("arrived-just-now").waitFor();
    await server.start();
    await page.locator("[data-live=Live]").waitFor({ timeout: 30_000 });
    await operator("PUT", "/api/v1/hosts/arrived-just-now/labels", { labels: { seen: "again" } });
    await page.getByText("seen=again").waitFor();
    state.serverDown = false;
    problems.splice(known, problems.length, ...problems.slice(known).filter((problem) => !/response: (502|503)/.test(problem)));
  },

  "colours follow the choice and stay": async ({ page }) => {
    const scheme = () => page.locator("html").getAttribute("data-mantine-color-scheme");
    assert.equal(await scheme(), "light");
    const toggle = page.getByRole("button", { name: /Click for:/ });
    await toggle.click();
    await toggle.click();
    assert.equal(await scheme(), "dark");
    await page.reload();
    await page.locator("[data-live=Live]").waitFor();
    assert.equal(await scheme(), "dark");
    await toggle.click();
  },

  "at 390 px nothing is wider than the screen": async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const where of ["/", "/hosts", "/vulnerabilities", "/updates", "/plans", "/rollouts", "/report", "/report/metrics", "/?as_of=2026-11-01T00:00:00Z", "/hosts?as_of=2026-11-01T00:00:00Z", "/enrollment", "/feeds", "/events", "/account"]) {
      await page.goto(where);
      await page.getByRole("heading", { level: 1 }).waitFor();
      const wide = await page.evaluate(() => [document.documentElement.scrollWidth, document.querySelector("main").scrollWidth]);
      assert.ok(Math.max(...wide) <= 390, `${where} is ${wide} wide`);
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  },
};
