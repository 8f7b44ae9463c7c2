import assert from "node:assert/strict";
import { exploited } from "../seed/feeds.mjs";

const rows = (page, table) => page.getByRole("table", { name: table }).locator("tbody.item");
const banner = (page) => page.locator(".past-banner");
const longAgo = "2020-01-01T00:00:00.000Z";

/** before is a time at which hosts had what rollouts have fixed since. */
async function before(operator) {
  const { items } = await operator("GET", "/api/v1/rollouts");
  const first = items.map(({ started_at: at }) => Date.parse(at)).toSorted((a, b) => a - b)[0];
  return new Date(first - 1).toISOString();
}

const asOf = (at, hindsight) => new URLSearchParams(hindsight ? { as_of: at, hindsight: true } : { as_of: at });

/** The fleet as it was: after hosts were patched, they have what they had. */
export const checks = {
  "a vulnerability has the hosts that it had then, and offers no plan": async ({ page, operator }) => {
    const at = await before(operator);
    const path = `/api/v1/vulnerabilities/${exploited[0]}?selector=app%3Dshop`;
    const then = (await operator("GET", `${path}&${asOf(at)}`)).hosts.total;
    const now = (await operator("GET", path)).hosts.total;
    assert.ok(then > now, `${then} hosts then, ${now} now`);
    await page.goto(`/vulnerabilities/${exploited[0]}?selector=app%3Dshop`);
    await page.getByText(`${now} findings`, { exact: true }).waitFor();
    await page.goto(`/vulnerabilities/${exploited[0]}?${new URLSearchParams({ selector: "app=shop", as_of: at })}`);
    await page.getByText(`${then} findings`, { exact: true }).waitFor();
    await banner(page).getByText("judged with what was known then. Names and labels are today’s.").waitFor();
    assert.equal(await page.getByRole("button", { name: /Patch|plan/ }).count(), 0, "nothing is planned from what was");
    await page.locator("[data-live=Past]").waitFor();
  },

  "links carry the past along, to pages that have one": async ({ page, operator }) => {
    const at = await before(operator);
    await page.goto(`/?as_of=${at}`);
    await banner(page).waitFor();
    await page.locator(".shell-nav").getByRole("link", { name: "Hosts" }).click();
    await page.waitForURL((url) => url.pathname === "/hosts" && url.searchParams.get("as_of") === at);
    await page.getByRole("button", { name: "Findings" }).click();
    await page.waitForURL((url) => url.searchParams.get("sort") !== null && url.searchParams.get("as_of") === at);
    await rows(page, "Hosts").locator("a.name").first().click();
    await page.waitForURL((url) => url.pathname.startsWith("/hosts/host_") && url.searchParams.get("as_of") === at);
    await rows(page, "Findings").locator("a.name").first().click();
    await page.waitForURL((url) => url.pathname.startsWith("/vulnerabilities/") && url.searchParams.get("as_of") === at);
    await page.getByRole("link", { name: "Feeds" }).first().click();
    await page.waitForURL((url) => url.pathname === "/feeds" && url.search === "");
    assert.equal(await page.getByRole("button", { name: "Time shown: Now" }).getAttribute("aria-disabled"), "true");
  },

  "the control shows a time, with hindsight, and one click is back at now": async ({ page }) => {
    await page.goto("/hosts?q=web-02");
    await rows(page, "Hosts").first().waitFor();
    await page.getByRole("button", { name: "Time shown: Now" }).click();
    const field = page.getByLabel("Date and time, UTC");
    await field.fill("2999-01-01T00:00");
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByText("That is still to come: nobody knows it.").waitFor();
    await field.fill("2020-01-01T00:00");
    await page.getByLabel("With what is known today").check();
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.waitForURL((url) => url.searchParams.get("as_of") === longAgo && url.searchParams.get("hindsight") === "yes" && url.searchParams.get("q") === "web-02");
    await banner(page).getByText("As of 1 Jan 2020, 00:00 UTC").waitFor();
    await banner(page).getByText("judged with what is known today").waitFor();
    await page.getByText("No host matches.").waitFor();
    await banner(page).getByRole("button", { name: "Back to now" }).click();
    await page.waitForURL((url) => url.search === "?q=web-02");
    await banner(page).waitFor({ state: "detached" });
    await rows(page, "Hosts").first().waitFor();
  },

  "what has no history is a dash, never a nought": async ({ page, operator, pictures }) => {
    const at = await before(operator);
    await page.goto(`/?as_of=${at}`);
    for (const label of ["online", "offline", "pending", "stale lists"]) await page.locator(".tally", { hasText: label }).filter({ hasText: "–" }).first().waitFor();
    await page.getByRole("table", { name: "Worst vulnerabilities" }).waitFor();
    await pictures.takeHere(page, "overview-past");
    await page.goto(`/hosts?as_of=${at}&q=web-0`);
    const cells = rows(page, "Hosts").first().locator("td");
    await cells.first().waitFor();
    assert.equal(await cells.nth(1).textContent(), "–");
    assert.equal(await page.getByRole("button", { name: "Last seen" }).count(), 0, "not sortable either");
    assert.equal(await page.getByRole("button", { name: "Offline" }).count(), 0);
    assert.equal(await page.getByText(/offline|never seen/).count(), 0);
    await pictures.takeHere(page, "hosts-past");
  },

  "what was not known then is not assessed, with the reason": async ({ page, operator }) => {
    const at = await before(operator);
    await page.goto(`/hosts?${new URLSearchParams({ as_of: at, selector: "host.assessed=no" })}`);
    await rows(page, "Hosts").first().getByText(/not assessed: (unknown then|no inventory)/).waitFor();
  },

  "a past that is still being read is said to be, and asked for again": async ({ page, operator }) => {
    const at = await before(operator);
    let refused = 0;
    await page.route(/\/api\/v1\/hosts\?.*as_of=/, (route) =>
      refused++ < 2
        ? route.fulfill({ status: 503, contentType: "application/problem+json", body: JSON.stringify({ status: 503, title: "Service Unavailable", detail: "what was is still being read; try again in a moment" }) })
        : route.continue(),
    );
    await page.goto(`/hosts?as_of=${at}`);
    await banner(page).getByText("What was then is being read. It shows here by itself.").waitFor();
    assert.equal(await page.getByRole("alert").count(), 0, "waiting is no failure");
    await rows(page, "Hosts").first().waitFor();
    assert.equal(refused, 3);
    await banner(page).getByText("is being read").waitFor({ state: "detached" });
    await page.unroute(/\/api\/v1\/hosts\?.*as_of=/);
  },

  "what happens now changes nothing of what was": async ({ page, operator }) => {
    const at = await before(operator);
    await page.goto(`/hosts?as_of=${at}&q=web-02`);
    await rows(page, "Hosts").first().waitFor();
    let asked = 0;
    const count = (request) => request.url().includes("as_of=") && asked++;
    page.on("request", count);
    await operator("PUT", "/api/v1/hosts/web-03/labels", { labels: { env: "prod", role: "web", seen: "now" } });
    await page.waitForTimeout(3000); // longer than live messages are gathered
    assert.equal(asked, 0);
    page.off("request", count);
  },
};
