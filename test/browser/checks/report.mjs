import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";

const length = 86_400_000;
const dayOf = (back) => new Date(Date.now() - back * length).toISOString().slice(0, 10);
const counts = (urgent, high, normal, low, total) => ({ assessed: total > 0, urgent, high, normal, low, lowest: 0, total });

/**
 * ninety is an answer as of a server that has run for eighty days: ours has run for minutes, and days cannot be hurried. One day was not
 * assessed, two are not counted yet.
 */
function ninety() {
  const items = [];
  for (let back = 80; back >= 1; back--) {
    if (back === 30 || back === 31) continue;
    const hosts = Math.min(208, 120 + (80 - back) * 2);
    const wave = Math.round(24 + 18 * Math.sin(back / 7));
    const none = back === 55 ? hosts : 9;
    const worst = back === 55 ? counts(0, 0, 0, 0, 0) : counts(wave, 40, 30, 12, hosts - none);
    items.push({ day: dayOf(back), hosts, not_assessed: none, hosts_by_worst: worst, findings: back === 55 ? counts(0, 0, 0, 0, 0) : counts(2, 7 + (wave % 5), 9, 3, 21 + (wave % 5)) });
  }
  return { items, missing: 2 };
}

/** Figures over time, and files of feeds. */
export const checks = {
  "before a day is over the trend says so, and shows no nought": async ({ page, operator }) => {
    const { items, missing } = await operator("GET", "/api/v1/reports/trend");
    assert.equal(items.length + missing, 0, "the fixture's server is younger than a day");
    await page.goto("/");
    await page.getByText("No day is over yet since the first host was enrolled.").waitFor();
    assert.equal(await page.locator(".trend").count(), 0);
  },

  "the trend draws days, leaves gaps for what is not known, and is a table too": async ({ page, pictures }) => {
    const trend = ninety();
    await page.route("**/api/v1/reports/trend", (route) => route.fulfill({ json: trend }));
    await page.goto("/");
    const chart = page.getByRole("img", { name: /^hosts day by day/ });
    await chart.waitFor();
    assert.equal(await chart.locator("g").count(), 90);
    assert.equal(await chart.locator(".trend-gap").count(), 3, "one day not assessed and two not counted yet are gaps");
    assert.equal(await chart.locator(".trend-before").count(), 10, "ten days were before the first host");
    assert.equal(await chart.locator("rect.fill-urgent").count(), trend.items.length - 1);
    await page.getByText("2 days not counted yet").waitFor();
    await page.getByRole("table", { name: "Worst vulnerabilities" }).locator("tbody.item").first().waitFor();
    await page.locator("[data-live=Live]").waitFor();
    await pictures.takeHere(page, "overview-trend");
    await page.getByText("The same as a table").click();
    const table = page.getByRole("table", { name: "Day by day" });
    await table.getByRole("row", { name: new RegExp(`^${dayOf(31)} not counted yet`) }).waitFor();
    await table.getByRole("row", { name: new RegExp(`^${dayOf(55)} not assessed`) }).waitFor();
    await table.getByRole("row", { name: new RegExp(`^${dayOf(85)} no host yet`) }).waitFor();
    const newest = trend.items.at(-1).hosts_by_worst;
    const cells = await table.getByRole("row", { name: new RegExp(`^${dayOf(1)}`) }).getByRole("cell").allTextContents();
    assert.deepEqual(cells.slice(0, 4).map(Number), [newest.urgent, newest.high, newest.normal, newest.low]);
    await page.getByRole("radiogroup", { name: "What the chart counts" }).getByText("vulnerabilities").click();
    await page.getByRole("img", { name: /^vulnerabilities day by day/ }).waitFor();
    await page.unroute("**/api/v1/reports/trend");
  },

  "metrics are the server's, with coverage before them and each figure explained": async ({ page, operator, pictures }) => {
    await page.goto("/report/metrics");
    const table = page.getByRole("table", { name: "Metrics by priority" });
    const row = table.locator("tbody.item").filter({ hasText: "urgent" });
    await row.waitFor();
    const figures = await operator("GET", "/api/v1/reports/metrics");
    const { opened, fixed, open } = figures.rows.find(({ priority }) => priority === "urgent");
    assert.ok(fixed > 0, "rollouts fixed urgent ones");
    const cells = await row.locator("td").allTextContents();
    assert.deepEqual(cells.slice(1, 4).map((text) => Number(text.replace(",", ""))), [opened, fixed, open]);
    assert.ok(figures.coverage.not_assessed > 0);
    await page.getByRole("note").getByText(`${figures.coverage.not_assessed} hosts not assessed`).waitFor();
    await page.getByText("Alone it flatters: what is never fixed is not in it.", { exact: false }).waitFor();
    await page.getByText("urgent 15 days", { exact: false }).waitFor();
    await pictures.takeHere(page, "metrics");
  },

  "the period, the hosts and the clock of metrics are in the address": async ({ page }) => {
    await page.goto("/report/metrics?days=between&from=2026-01-01&to=2026-01-31&selector=role%3Ddb&clock=urgent%3D3d");
    await page.getByText("2026-01-01 00:00 to 2026-02-01 00:00 UTC").waitFor();
    await page.getByText("The clock: urgent 3 days.", { exact: false }).waitFor();
    assert.equal(await page.getByRole("textbox", { name: "Selector" }).inputValue(), "role=db");
    await page.getByRole("table", { name: "Metrics by priority" }).getByText("none fixed").first().waitFor();
    await page.getByRole("textbox", { name: "Clock" }).fill("urgent=soon");
    await page.getByRole("alert").waitFor();
    await page.getByText("These cannot be counted: the field says why.").waitFor();
  },

  "a bundle goes out and comes in, and what is no bundle is refused in words": async ({ page, server, pictures }) => {
    await page.goto("/feeds");
    await page.getByRole("button", { name: "Export …" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Releases, with commas between").fill("Debian:99");
    await dialog.getByRole("button", { name: "Export", exact: true }).click();
    await dialog.getByRole("alert").getByText("Debian:99").waitFor();
    await dialog.getByLabel("Releases, with commas between").fill("Debian:12");
    const [download] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", { name: "Export", exact: true }).click()]);
    const bundle = path.join(server.folder, "out.bundle");
    await download.saveAs(bundle);
    assert.match(await dialog.getByLabel("Key that signed the bundle").textContent(), /^ssh-ed25519 /);
    await pictures.takeHere(page, "feeds-export");
    await dialog.getByRole("button", { name: "Close" }).last().click();
    await page.getByRole("button", { name: "Import …" }).click();
    const choose = async (file) => {
      const [chooser] = await Promise.all([page.waitForEvent("filechooser"), dialog.getByRole("button", { name: "File", exact: true }).click()]);
      await chooser.setFiles(file);
    };
    const damaged = path.join(server.folder, "damaged.bundle");
    await writeFile(damaged, "this is no bundle");
    await choose(damaged);
    await dialog.getByRole("button", { name: "Import", exact: true }).click();
    await dialog.getByRole("alert").waitFor();
    await choose(bundle);
    await dialog.getByRole("button", { name: "Import", exact: true }).click();
    await dialog.getByText(/^\d+ feeds? taken in/).waitFor();
    await dialog.getByText(/^osv\/Debian: 22 records/).waitFor();
    await pictures.takeHere(page, "feeds-import");
    await page.keyboard.press("Escape");
  },
};
