import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { exploited } from "../seed/feeds.mjs";
import { away, failing, Shop } from "../seed/shop.mjs";

const rows = (page, table) => page.getByRole("table", { name: table, exact: true }).locator("tbody.item");
const cell = (page, host) => page.getByRole("list", { name: "Hosts" }).getByRole("button", { name: new RegExp(`^${host}\\b`) });
const stay = (page) => page.evaluate(() => (window.notReloaded = true));
const stayed = async (page) => assert.equal(await page.evaluate(() => window.notReloaded), true, "the page was not loaded again");

/** From a vulnerability to hosts without it: plan, approve, roll out, watch, and what the report says then. */
export const checks = {
  "what is ticked on a host is what its plan asks for": async (world) => {
    const { page, server, operator, agents } = world;
    world.shop = await Shop.create(server, operator, agents);
    await page.goto(`/hosts/${agents.get("shop-01").id}?tab=updates`);
    await page.getByRole("checkbox", { name: "Select curl" }).check();
    await page.getByRole("checkbox", { name: "Select libcurl4" }).check();
    await page.getByRole("button", { name: "Patch 2 selected updates …" }).click();
    const dialog = page.getByRole("dialog");
    assert.equal(await dialog.getByLabel("Hosts", { exact: true }).inputValue(), "host.name=shop-01");
    assert.equal(await dialog.getByLabel("Only these packages").inputValue(), "curl, libcurl4");
    assert.ok(await dialog.getByLabel("Never").isChecked());
    await dialog.getByLabel("Hosts", { exact: true }).fill("app in (");
    await dialog.getByRole("button", { name: "Ask the hosts" }).click();
    await dialog.getByText(/^Selector: at character \d+/).waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  },

  "from a vulnerability to a plan that fixes it, asked live": async ({ page, shop, pictures }) => {
    await page.goto(`/vulnerabilities/${exploited[0]}?selector=app%3Dshop`);
    await page.getByRole("button", { name: "Patch this …" }).click();
    const dialog = page.getByRole("dialog");
    assert.equal(await dialog.getByLabel("Only what fixes").inputValue(), exploited[0]);
    assert.equal(await dialog.getByLabel("Hosts", { exact: true }).inputValue(), "app=shop");
    await pictures.takeHere(page, "create-plan");
    await dialog.getByRole("button", { name: "Ask the hosts" }).click();
    await page.waitForURL(/\/plans\/plan_/);
    await stay(page);
    await page.getByText(/0 of \d+ answers so far/).waitFor();
    shop.answering.open();
    await page.getByText("ready for approval").waitFor();
    await stayed(page);
    await rows(page, "Changes").filter({ hasText: "libcurl4" }).getByText(exploited[0]).waitFor();
  },

  "an approval of something else than was seen is refused in words": async ({ page, operator }) => {
    await page.getByRole("button", { name: "Approve …" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("The server signs exactly these bytes").waitFor();
    const id = page.url().match(/plan_\w+/)[0];
    const { hash } = await operator("GET", `/api/v1/plans/${id}`);
    await operator("POST", `/api/v1/plans/${id}/approve`, { hash });
    await dialog.getByRole("button", { name: "Approve" }).click();
    await dialog.getByText("Somebody else was quicker, or the plan is no longer what you saw.").waitFor();
    await dialog.getByRole("button", { name: "Close" }).last().click();
    await page.getByText("Approved, and nothing is installed yet").waitFor();
    await page.getByRole("button", { name: "Cancel plan …" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel the plan" }).click();
    await page.getByText("This plan was cancelled.").waitFor();
  },

  "a preview is loud about what is new, and names who is left out and why": async (world) => {
    const { page, pictures } = world;
    await page.goto("/updates?selector=app%3Dshop");
    await page.getByRole("button", { name: "Patch these hosts" }).click();
    await page.getByRole("menuitem", { name: "All security updates …" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Hosts may install packages that they do not have").check();
    await dialog.getByRole("button", { name: "Ask the hosts" }).click();
    await page.waitForURL(/\/plans\/plan_/);
    await page.getByText("ready for approval").waitFor();
    world.plan = page.url().match(/plan_\w+/)[0];
    await page.getByRole("note").filter({ hasText: "1 package would be installed that was not there before: linux-image-6.1.0-37-amd64 on 3 hosts" }).waitFor();
    await rows(page, "Changes").first().getByText("install", { exact: true }).waitFor();
    await pictures.takeHere(page, "plan");
    await page.getByRole("link", { name: /refused/ }).click();
    await rows(page, "Hosts of the plan").getByText("it would remove libxml2-legacy; allow removals if that is meant").waitFor();
    await page.getByRole("link", { name: /not simulated/ }).click();
    await rows(page, "Hosts of the plan").getByText("dpkg was interrupted: run dpkg --configure -a").waitFor();
    await page.getByRole("tab", { name: /Cohorts/ }).click();
    await rows(page, "Cohorts").first().locator("button.expander").click();
    await page.getByRole("table", { name: "Lock" }).getByText("3.0.17-1~deb12u3").first().waitFor();
    await page.locator("td.detail").getByRole("link", { name: "shop-01" }).waitFor();
    await pictures.takeHere(page, "plan-cohorts");
  },

  "approving sends the hash that was shown, and whose key signed is said": async ({ page, operator, plan }) => {
    const { hash } = await operator("GET", `/api/v1/plans/${plan}`);
    await page.goto(`/plans/${plan}?tab=approval`);
    await page.getByRole("button", { name: "Approve …" }).click();
    await page.getByRole("dialog").getByText(hash).waitFor();
    const sent = page.waitForRequest(/\/approve$/);
    await page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
    assert.deepEqual((await sent).postDataJSON(), { hash });
    await page.getByText("Only the server’s own key signed this").waitFor();
    await page.getByText("Signed by server").waitFor();
  },

  "a rollout shows who is at work and why the others wait, without loading the page again": async (world) => {
    const { page, shop, until, pictures } = world;
    await page.getByRole("button", { name: "Start rollout …" }).click();
    await page.getByLabel("Hosts at work at the same time").fill("4");
    await page.getByRole("dialog").getByRole("button", { name: "Start" }).click();
    await page.waitForURL(/\/rollouts\/roll/);
    world.rollout = page.url().match(/rollouts\/(\w+)/)[1];
    await stay(page);
    shop.host("shop-01").going.open();
    shop.host("shop-02").going.open();
    await cell(page, "shop-01").getByText("proven").waitFor({ timeout: 30_000 });
    await cell(page, "shop-02").getByText("proven").waitFor();
    for (const name of ["shop-03", failing, "shop-05", "shop-06"]) await cell(page, name).getByText("applying").waitFor();
    await cell(page, "shop-07").getByText("4 of at most 4 hosts are at work").waitFor();
    await cell(page, away).getByText("the host is not connected").waitFor();
    await until("the server believes the hosts", () => !shop.failure() || assert.fail(shop.failure()));
    await stayed(page);
    await pictures.takeHere(page, "rollout");
  },

  "a host's log is followed as it is written, and can be paused": async ({ page, shop }) => {
    await cell(page, "shop-03").click();
    await page.waitForURL(/run=run_/);
    const drawer = page.getByRole("dialog");
    const log = drawer.getByRole("log");
    await drawer.getByText("hashes as locked").waitFor();
    await log.getByText(/Unpacking \d+ packages/).waitFor();
    await shop.host("shop-03").say("Setting up zzz-live (1.0) …");
    await log.getByText("Setting up zzz-live (1.0) …").waitFor();
    await drawer.getByRole("button", { name: "Pause" }).click();
    await shop.host("shop-03").say("Written while paused");
    await drawer.getByText(/paused: 1 more since/).waitFor();
    assert.equal(await log.getByText("Written while paused").count(), 0);
    await drawer.getByRole("button", { name: "Follow" }).click();
    await log.getByText("Written while paused").waitFor();
    await page.keyboard.press("Escape");
    await drawer.waitFor({ state: "detached" });
  },

  "a failure halts: who is at work finishes, nobody else is begun": async ({ page, shop, pictures, operator, rollout }) => {
    shop.host(failing).going.open();
    await page.getByText(`Halted: ${failing} failed.`, { exact: true }).or(page.getByText(new RegExp(`^Halted: .*${failing} failed`, "i"))).first().waitFor();
    for (const name of ["shop-03", "shop-05", "shop-06"]) shop.host(name).going.open();
    await cell(page, "shop-06").getByText("proven").waitFor({ timeout: 30_000 });
    await cell(page, "shop-07").getByText(/the rollout is halted/).waitFor();
    await stayed(page);
    const { runs } = await operator("GET", `/api/v1/rollouts/${rollout}`);
    assert.deepEqual(new Set(runs.filter(({ state }) => state !== "pending").map(({ host }) => host)), new Set(["shop-01", "shop-02", "shop-03", failing, "shop-05", "shop-06"]));
    await cell(page, failing).click();
    const drawer = page.getByRole("dialog");
    await drawer.getByText("openssh-server (half-configured 1:9.2p1-2+deb12u7)").waitFor();
    await drawer.getByRole("log").getByText(/returned error exit status 1/).waitFor();
    await drawer.getByText(/, ended/).waitFor();
    await pictures.takeHere(page, "rollout-run");
    await page.keyboard.press("Escape");
  },

  "a halted rollout is on the overview, and Ctrl K finds it": async ({ page, rollout, plan }) => {
    await page.goto("/");
    await page.getByRole("alert").filter({ hasText: `${failing} failed` }).getByRole("link").click();
    await page.waitForURL(new RegExp(rollout));
    for (const [typed, found, where] of [["halted", /^halted:/, rollout], [plan, /security/, plan]]) {
      await page.keyboard.press("Control+k");
      await page.getByRole("dialog").getByRole("textbox", { name: "Search" }).and(page.locator(":focus")).waitFor();
      await page.keyboard.type(typed);
      await page.getByRole("dialog").getByText(found).first().click();
      await page.waitForURL(new RegExp(where));
    }
  },

  "aborting says what it does and does not do": async ({ page, rollout }) => {
    await page.goto(`/rollouts/${rollout}`);
    await page.getByRole("button", { name: "Abort …" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("What was installed stays installed; nothing is rolled back.").waitFor();
    await dialog.getByRole("button", { name: "Abort" }).click();
    await page.getByText(/^Aborted/).waitFor();
    await cell(page, "shop-07").getByText("not started").waitFor();
  },

  "the report names what was fixed, by which rollout, approved by whom; as a file too": async ({ page, first, rollout, pictures }) => {
    await page.goto("/report?selector=app%3Dshop&q=shop-0&sort=-fixed_at");
    await rows(page, "Compliance").first().getByRole("link", { name: "rollout" }).waitFor();
    await pictures.takeHere(page, "report");
    await page.goto("/report?selector=app%3Dshop&q=shop-01&status=fixed");
    const row = rows(page, "Compliance").filter({ hasText: exploited[0] });
    await row.getByText(first.user, { exact: true }).waitFor();
    const coming = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download CSV" }).click();
    const lines = (await readFile(await (await coming).path(), "utf8")).trim().split("\r\n");
    assert.match(lines[0], /^"host","host_id","status"/);
    assert.ok(lines.some((line) => line.startsWith('"shop-01"') && line.includes(exploited[0]) && line.includes(rollout)), lines.join("\n"));
    await row.getByRole("link", { name: "rollout" }).click();
    await page.waitForURL(new RegExp(`${rollout}.*run=`));
    await page.getByRole("dialog").getByText("Run on shop-01").waitFor();
  },

  "the log of events can be verified, and leads to what it names": async ({ page, plan }) => {
    await page.goto("/events");
    await page.getByRole("button", { name: "Verify the chain" }).click();
    await page.getByText(/^The chain is whole: [\d,]+ events hold/).waitFor();
    const approved = rows(page, "Events").filter({ hasText: `plan ${plan} approved` });
    await approved.locator("button.expander").click();
    await approved.getByRole("link", { name: plan }).click();
    await page.getByRole("heading", { name: "Plan" }).waitFor();
  },
};
