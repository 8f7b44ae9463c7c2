import assert from "node:assert/strict";
import { hostileName } from "../seed/fleet.mjs";

const rows = (page, table) => page.getByRole("table", { name: table }).locator("tbody.item");

/** The overview, the list of hosts, and one host. */
export const checks = {
  "each number of the overview leads to as many hosts": async ({ page, operator }) => {
    const counts = await operator("GET", "/api/v1/overview");
    const tallies = { pending: counts.pending, "not assessed": counts.not_assessed, "stale lists": counts.stale_metadata, "end of life": counts.end_of_life, "need a reboot": counts.reboot_required, "updates unknown": counts.updates_unknown, "security updates": counts.with_security, "failed units": counts.failed_units };
    for (const [label, n] of Object.entries(tallies)) {
      assert.ok(n > 0, `the fixture has hosts that are ${label}`);
      await page.goto("/");
      const tally = page.locator("a.tally", { hasText: label });
      await tally.getByText(String(n), { exact: true }).waitFor();
      await tally.click();
      await page.getByText(new RegExp(`^${n} hosts? match$`)).waitFor();
    }
  },

  "a host that is not assessed says so and shows no nought": async ({ page }) => {
    await page.goto("/hosts?selector=host.assessed%3Dno,host.state%3Dapproved");
    const row = rows(page, "Hosts").first();
    await row.getByText(/^not assessed: no advisory data for (Debian:1[03]|Ubuntu:24.04)/).waitFor();
    const cells = await row.locator("td").count();
    assert.equal(cells, 9, "the three counts are one cell");
    await page.goto("/");
    await page.getByRole("note").filter({ hasText: "not assessed" }).waitFor();
  },

  "a selector that cannot be read is explained at its field": async ({ page }) => {
    await page.goto("/hosts");
    const field = page.getByRole("textbox", { name: "Selector" });
    await field.fill("role in (web");
    await page.getByText(/^selector: at character \d+/).waitFor();
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    await page.getByText("The selector cannot be read.").waitFor();
    await field.fill("");
    await rows(page, "Hosts").first().waitFor();
  },

  "a link reproduces filter, search and order": async ({ page, context, problems, state }) => {
    await page.goto("/hosts");
    await page.getByRole("textbox", { name: "Selector" }).fill("env=prod,role in (web,api)");
    await page.getByRole("textbox", { name: "Search hosts" }).fill("0");
    await page.getByRole("button", { name: "Findings" }).click();
    await page.waitForURL(/q=0.*selector=.*sort=-findings/);
    const names = () => rows(page, "Hosts").locator("a.name").allTextContents();
    await page.getByRole("columnheader", { name: "Findings" }).and(page.locator("[aria-sort=descending]")).waitFor();
    await page.waitForLoadState("networkidle").catch(() => {});
    const other = await context.newPage();
    const { watch } = await import("../browser.mjs");
    await watch(other, problems, state);
    await other.goto(page.url());
    await rows(other, "Hosts").first().waitFor();
    assert.equal(await other.getByRole("textbox", { name: "Selector" }).inputValue(), "env=prod,role in (web,api)");
    assert.deepEqual(await rows(other, "Hosts").locator("a.name").allTextContents(), await names());
    await other.close();
  },

  "a column sorts both ways, and the server does it": async ({ page, operator }) => {
    await page.goto("/hosts");
    const first = () => rows(page, "Hosts").first().locator("a.name").textContent();
    await rows(page, "Hosts").first().waitFor();
    await page.getByRole("button", { name: "Host", exact: true }).click();
    await page.getByRole("columnheader", { name: "Host" }).and(page.locator("[aria-sort=descending]")).waitFor();
    const { items } = await operator("GET", "/api/v1/hosts?sort=name&desc=true&limit=1");
    for (let tries = 0; tries < 50 && (await first()) !== items[0].name; tries++) await page.waitForTimeout(50);
    assert.equal(await first(), items[0].name);
  },

  "a long list comes in pages and keeps only what is in sight in the document": async ({ page, operator }) => {
    const { total } = await operator("GET", "/api/v1/hosts?limit=1");
    await page.goto("/hosts");
    await page.getByText(`200 of ${total} hosts loaded`).waitFor();
    assert.ok((await rows(page, "Hosts").count()) < 80);
    const box = await rows(page, "Hosts").nth(3).boundingBox();
    assert.ok(box.height >= 28 && box.height <= 29, `a row is 28 px and its line, not ${box.height}`);
    await page.locator(".grid-wrap").hover();
    await page.mouse.wheel(0, 200 * 29);
    await page.getByText(`${total} hosts`, { exact: true }).last().waitFor();
    await page.mouse.wheel(0, 400 * 29);
    await rows(page, "Hosts").locator("a.name").filter({ hasText: /^web-80$/ }).waitFor();
  },

  "arrow keys go from row to row and Enter opens a host": async ({ page }) => {
    await page.goto("/hosts?q=db-0&selector=role%3Ddb");
    const links = rows(page, "Hosts").locator("a.name");
    await page.getByText("9 hosts match").waitFor();
    await links.first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "db-03" }).waitFor();
  },

  "what a host sends is text, never markup": async ({ page }) => {
    await page.goto("/hosts?selector=env%3Dtest&sort=os");
    const search = page.getByRole("textbox", { name: "Search hosts" });
    await search.fill("<img");
    await page.getByText("1 host match").waitFor();
    await rows(page, "Hosts").first().locator("a.name").click();
    await page.getByText('Debian <img src=x onerror="document.title=').first().waitFor();
    await page.getByRole("tab", { name: /Updates/ }).click();
    await page.getByText('<img src=x onerror="document.title=').first().waitFor();
    assert.equal(await page.locator("img").count(), 1, "the only image is the console's own");
    assert.match(await page.title(), /Staunch$/);
  },

  "a name that the server would never let in is text too": async ({ page, operator }) => {
    const body = await operator("GET", "/api/v1/hosts?limit=3");
    body.items[0].name = hostileName;
    body.items[0].labels = { [hostileName]: "javascript:alert(1)" };
    await page.route("**/api/v1/hosts?*", (route) => route.fulfill({ json: body }));
    await page.goto("/hosts");
    await rows(page, "Hosts").first().getByText(hostileName, { exact: true }).waitFor();
    await rows(page, "Hosts").first().getByText(`${hostileName}=javascript:alert(1)`).waitFor();
    assert.equal(await page.locator("img").count(), 1);
    await page.unroute("**/api/v1/hosts?*");
  },

  "a host's pages show facts, hardware, repositories": async ({ page }) => {
    await page.goto("/hosts?q=web-02");
    await rows(page, "Hosts").locator("a.name", { hasText: "web-02" }).click();
    await page.getByText("running kernel 6.1.0-31 is older than installed 6.1.0-37").waitFor();
    await page.getByText("AMD EPYC 7B13, 8 threads").waitFor();
    await page.getByText("16 GiB", { exact: false }).first().waitFor();
    await page.getByRole("table", { name: "Repositories" }).getByText("bookworm-security").waitFor();
  },

  "a host's updates have their state and its reason": async ({ page }) => {
    await page.getByRole("tab", { name: /Updates/ }).click();
    const table = page.getByRole("table", { name: "Updates" });
    await table.getByText("needs the removal of libxml2-legacy").waitFor();
    await table.getByText("kept back").waitFor();
    await table.getByText("offered to 40 % of machines so far").waitFor();
    const all = await rows(page, "Updates").count();
    await page.getByText(`${all} updates`, { exact: true }).waitFor();
    await page.getByRole("button", { name: "Security only" }).click();
    await page.waitForURL(/security=yes/);
    await page.getByText(`${all} updates`, { exact: true }).waitFor({ state: "detached" });
    assert.ok((await rows(page, "Updates").count()) < all);
  },

  "a finding opens to its explanation, with the keyboard": async ({ page }) => {
    await page.getByRole("tab", { name: /Findings/ }).click();
    const opener = page.getByRole("table", { name: "Findings" }).locator("button.expander").first();
    await opener.focus();
    await page.keyboard.press("Enter");
    assert.equal(await opener.getAttribute("aria-expanded"), "true");
    const detail = page.locator("td.detail");
    await detail.getByText("osv/Debian, as of").waitFor();
    await detail.getByText("In CISA's catalogue of known exploited vulnerabilities since 2026-10-12").waitFor();
    assert.ok((await detail.locator("p").first().textContent()).length > 40);
    const reasons = detail.getByRole("table", { name: "What the priority is made of" });
    assert.deepEqual(await reasons.getByRole("columnheader").allTextContents(), ["Input", "Value", "Source", "Date", "Effect"]);
    await reasons.getByRole("row", { name: /^EPSS 0\.412 epss 2026-11-20/ }).waitFor();
  },

  "a host's packages can be searched": async ({ page }) => {
    await page.getByRole("tab", { name: /Packages/ }).click();
    await page.getByRole("textbox", { name: "Search packages" }).fill("libssl");
    await page.getByText(/^1 of \d+ packages$/).waitFor();
    await page.getByRole("table", { name: "Packages" }).getByText("3.0.15-1~deb12u1").first().waitFor();
  },

  "a host's history begins with its enrollment": async ({ page }) => {
    await page.getByRole("tab", { name: "History" }).click();
    await page.getByRole("table", { name: "History" }).getByText("host.enrolled").waitFor();
  },

  "labels can be changed, and a bad one is refused at the field": async ({ page }) => {
    await page.getByRole("button", { name: "Labels" }).click();
    const field = page.getByLabel("One on a line, as env=prod");
    await field.fill("env=prod\nnonsense");
    await page.getByText("“nonsense” is not a label").waitFor();
    await field.fill("env=prod\nrole=web\nowner=payments");
    await page.getByRole("button", { name: "Save" }).click();
    await page.locator("header").getByText("owner=payments").waitFor();
  },

  "a pending host is approved from the list": async ({ page, operator }) => {
    await page.goto("/hosts?selector=host.state%3Dpending");
    const row = rows(page, "Hosts").filter({ hasText: "new-01" });
    await row.getByText("waits for approval: nothing is known about it").waitFor();
    await row.getByRole("button", { name: "Approve" }).click();
    await row.waitFor({ state: "detached" });
    assert.equal((await operator("GET", "/api/v1/hosts/new-01")).host.state, "approved");
  },

  "refresh reaches the host as work": async ({ page, agents }) => {
    const agent = agents.get("new-01");
    const work = agent.wait(30);
    work.catch(() => {}); // awaited below
    await page.goto(`/hosts/${agent.id}`);
    await page.getByRole("button", { name: "Refresh" }).click();
    let got = await work;
    if (got?.kind === "collect") got = await agent.wait(5); // the nudge of its approval came first
    assert.equal(got?.kind, "refresh");
  },

  "revoking and deleting ask first": async ({ page, agents, operator }) => {
    const agent = agents.get("new-02");
    await page.goto(`/hosts/${agent.id}`);
    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Revoke …" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Its certificates are refused from now on.").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.equal((await operator("GET", `/api/v1/hosts/${agent.id}`)).host.state, "pending");
    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Delete …" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.waitForURL(/\/hosts$/);
    await assert.rejects(operator("GET", `/api/v1/hosts/${agent.id}`), /404/);
  },
};
