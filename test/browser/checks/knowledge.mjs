import assert from "node:assert/strict";
import { exploited, vulnerabilities } from "../seed/feeds.mjs";

const rows = (page, table) => page.getByRole("table", { name: table }).locator("tbody.item");

/** Vulnerabilities, updates and feeds. */
export const checks = {
  "vulnerabilities are worst first, and the exploited ones say so": async ({ page }) => {
    await page.goto("/vulnerabilities");
    const first = rows(page, "Vulnerabilities").first();
    await first.getByText("urgent").waitFor();
    await first.getByText("exploited").waitFor();
    assert.ok(exploited.includes(await first.locator("a.name").textContent()));
    await page.getByText(/hosts? not assessed/).waitFor();
  },

  "a priority narrows the list": async ({ page }) => {
    await page.getByRole("radiogroup", { name: "Priority" }).getByText("low", { exact: true }).click();
    await page.waitForURL(/priority=low/);
    await rows(page, "Vulnerabilities").first().getByText("low").waitFor();
    assert.equal(await rows(page, "Vulnerabilities").getByText("urgent").count(), 0);
  },

  "a vulnerability names its ranges, its catalogue entry and its hosts, each with an explanation": async ({ page }) => {
    const id = exploited[0];
    const { source, fixed, summary } = vulnerabilities.find((v) => v.id === id);
    await page.goto(`/vulnerabilities/${id}`);
    await page.getByText(summary, { exact: true }).waitFor();
    await page.getByText("In CISA's catalogue of known exploited vulnerabilities since 2026-10-12").first().waitFor();
    const ranges = page.getByRole("table", { name: "Affected ranges" });
    await ranges.getByText(`< ${fixed}`).waitFor();
    await ranges.getByText(source, { exact: true }).waitFor();
    await rows(page, "Hosts with this vulnerability").locator("button.expander").first().click();
    await page.locator("td.detail").getByText(`DEBIAN-${id}`).first().waitFor();
  },

  "an unknown vulnerability is not good news": async ({ page }) => {
    await page.goto("/vulnerabilities/CVE-1999-0001");
    await page.getByText("No feed that was imported names CVE-1999-0001. This says nothing about your hosts.").waitFor();
    await page.getByText("Whether a host has it is not known.").waitFor();
    assert.equal(await page.getByText(/not listed as exploited|No assessed host has it/).count(), 0, "neither is known");
    await page.goto(`/vulnerabilities/${exploited[0]}?as_of=2020-01-01T00:00:00Z`);
    await page.getByText("No feed that had been imported by then names").waitFor();
    await page.getByText("Whether a host has it is not known.").waitFor();
  },

  "an advisory is exploited when what it names is, and counts the hosts of that": async ({ page, operator }) => {
    const { by_priority: hosts } = await operator("GET", `/api/v1/vulnerabilities/${exploited[0]}`);
    await page.goto(`/vulnerabilities/DEBIAN-${exploited[0]}`);
    await page.getByText("An advisory. It names").getByRole("link", { name: exploited[0] }).waitFor();
    await page.getByText("In CISA's catalogue of known exploited vulnerabilities since 2026-10-12").first().waitFor();
    await page.getByText(`on ${hosts.urgent} hosts`).waitFor();
    await page.getByText("An advisory. It names").getByRole("link", { name: exploited[0] }).click();
    await page.getByRole("heading", { name: exploited[0], exact: true }).waitFor();
    assert.equal(await page.getByText("An advisory. It names").count(), 0);
  },

  "an advisory that names several vulnerabilities lists each on a host, and says which": async ({ page, operator }) => {
    const names = vulnerabilities.filter(({ source }) => source === "curl").map(({ id }) => id);
    const details = await Promise.all(names.map((id) => operator("GET", `/api/v1/vulnerabilities/${id}?limit=1`)));
    const items = details.map(({ hosts }) => hosts.items[0]).map((finding) => ({ ...finding, host_id: "host_1", host: "one" }));
    const played = { ...details[0], id: "DSA-1-1", names, hosts: { ...details[0].hosts, items, total: items.length, next: undefined } };
    await page.route("**/api/v1/vulnerabilities/DSA-1-1?*", (route) => route.fulfill({ json: played }));
    await page.goto("/vulnerabilities/DSA-1-1");
    for (const id of names) await rows(page, "Hosts with this vulnerability").filter({ hasText: id }).getByRole("link", { name: id }).waitFor();
    assert.equal(await rows(page, "Hosts with this vulnerability").count(), names.length);
    await page.unroute("**/api/v1/vulnerabilities/DSA-1-1?*");
  },

  "a host with more findings than vulnerabilities says why": async ({ page, operator, agents }) => {
    const where = `/api/v1/hosts/${agents.get("web-02").id}/findings`;
    const real = await operator("GET", `${where}?limit=1`);
    const [one] = real.items;
    const items = [one, { ...one, source: "another" }];
    await page.route(`**${where}?*`, (route) => route.fulfill({ json: { ...real, next: undefined, items, total: 2, count: { ...real.count, total: 1 } } }));
    await page.goto(`/hosts/${agents.get("web-02").id}?tab=findings`);
    await page.getByText("2 findings", { exact: true }).waitFor();
    await page.getByText("of 1 vulnerability: one can be in several packages", { exact: true }).waitFor();
    await page.unroute(`**${where}?*`);
  },

  "a list of no hosts says so": async ({ page }) => {
    const nobody = "selector=env%3Dnope";
    for (const [where, says] of [
      [`/vulnerabilities?${nobody}`, "Not assessed: no host is selected."],
      ["/vulnerabilities?as_of=2020-01-01T00:00:00Z", "Not assessed: no host is selected."],
      ["/vulnerabilities?selector=host.os%3Dubuntu:24.04", "Not assessed: none of the hosts is assessed."],
      [`/vulnerabilities/${exploited[0]}?${nobody}`, "Not assessed: no host is selected."],
      [`/updates?${nobody}`, "Not known: no host is selected."],
    ]) {
      await page.goto(where);
      await page.getByText(says, { exact: true }).waitFor();
    }
  },

  "a narrow window shows the page's own entry among the pages, and sentences whole": async ({ page }) => {
    await page.setViewportSize({ width: 400, height: 800 });
    try {
      for (const [where, name] of [["/feeds", "Feeds"], ["/report/metrics", "Metrics"], ["/", "Overview"]]) {
        await page.goto(where);
        const box = await page.locator(".shell-nav").getByRole("link", { name }).boundingBox();
        assert.ok(box.x >= 0 && box.x + box.width <= 400, `${name} stands at ${box.x}, ${box.width} wide`);
      }
      await page.goto(`/vulnerabilities/${exploited[0]}`);
      const words = page.getByText("In CISA's catalogue of known exploited vulnerabilities since");
      await words.waitFor();
      const box = await words.boundingBox();
      assert.ok(box.x + box.width <= 400, `the sentence ends at ${box.x + box.width}`);
    } finally {
      await page.setViewportSize({ width: 1280, height: 800 });
    }
  },

  "links leave the console only for pages of known ids": async ({ page }) => {
    await page.goto(`/vulnerabilities/${exploited[0]}`);
    await page.getByRole("table", { name: "Affected ranges" }).waitFor();
    const addresses = await page.locator("a[target=_blank]").evaluateAll((links) => links.map((a) => [a.href, a.rel]));
    assert.ok(addresses.length > 0);
    for (const [href, rel] of addresses) {
      assert.match(href, /^https:\/\/(www\.cve\.org|security-tracker\.debian\.org)\//);
      assert.equal(rel, "noopener noreferrer");
    }
  },

  "updates of the fleet count their hosts and states": async ({ page, operator }) => {
    await page.goto("/updates?q=libssl3");
    const { items } = await operator("GET", "/api/v1/updates?q=libssl3");
    const row = rows(page, "Updates").first();
    await row.getByText("installable").waitFor();
    await row.getByText(String(items[0].hosts), { exact: true }).first().waitFor();
    await page.getByText(/the package manager could not say/).waitFor();
  },

  "a feed says how old it is and names what it skipped": async ({ page }) => {
    await page.goto("/feeds");
    const row = rows(page, "Feeds").filter({ hasText: "osv/Debian" });
    await row.getByText("good, some records skipped").waitFor();
    await row.locator("button.expander").click();
    await row.getByText(/DEBIAN-damaged/).waitFor();
  },

  "a feed that is not supported says why": async ({ page, operator }) => {
    const { items } = await operator("GET", "/api/v1/feeds");
    const not = items.find(({ support }) => support === "not supported");
    await page.goto("/feeds");
    const row = rows(page, "Feeds").filter({ hasText: not.name });
    await row.getByText(`not supported: ${not.reason}`, { exact: true }).waitFor();
    assert.ok((await row.textContent()).includes(not.title));
  },

  "feeds are fetched when asked": async ({ page, operator }) => {
    const before = (await operator("GET", "/api/v1/feeds")).items.find(({ name }) => name === "osv/Debian").last_attempt;
    await page.getByRole("button", { name: "Update now" }).click();
    await page.getByText("Feeds are being fetched.").waitFor();
    for (let tries = 0; ; tries++) {
      const now = (await operator("GET", "/api/v1/feeds")).items.find(({ name }) => name === "osv/Debian").last_attempt;
      if (now !== before) break;
      assert.ok(tries < 150, "the feed was not fetched again");
      await page.waitForTimeout(100);
    }
  },

  "Ctrl K finds hosts, vulnerabilities and pages": async ({ page }) => {
    await page.goto("/");
    await page.locator("[data-live=Live]").waitFor();
    const open = async (text) => {
      await page.keyboard.press("Control+k");
      await page.getByRole("dialog").getByRole("textbox", { name: "Search" }).and(page.locator(":focus")).waitFor();
      await page.keyboard.type(text);
    };
    await open("db-07");
    await page.getByRole("dialog").getByText("db-07").waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "db-07" }).waitFor();
    await open(exploited[1]);
    await page.getByRole("dialog").getByText(exploited[1]).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: exploited[1] }).waitFor();
    await open("feeds");
    await page.getByRole("dialog").getByText("Where knowledge about packages comes from").click();
    await page.getByRole("heading", { name: "Feeds" }).waitFor();
  },
};
