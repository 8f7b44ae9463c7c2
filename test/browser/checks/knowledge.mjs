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
