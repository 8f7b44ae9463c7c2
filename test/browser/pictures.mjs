import { writeFile } from "node:fs/promises";
import path from "node:path";
import { shrink } from "./palette.mjs";
import { exploited } from "./seed/feeds.mjs";

const most = 120 * 1024;

/** Pictures of each page, light and dark, under names that stay. */
export class Pictures {
  constructor(folder) {
    this.folder = folder;
  }

  /** takeHere takes what is shown now, in both schemes. */
  async takeHere(page, name) {
    for (const scheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      await page.mouse.move(0, 0);
      await page.evaluate(() => document.fonts.ready);
      const file = path.join(this.folder, `${name}-${scheme}.png`);
      const picture = shrink(await page.screenshot({ animations: "disabled", caret: "hide" }));
      if (picture.length > most) throw new Error(`${file} has ${picture.length} bytes, more than ${most}`);
      await writeFile(file, picture);
    }
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  }

  async takeAll({ page, agents }) {
    const host = `/hosts/${agents.get("web-02").id}`;
    const pages = [
      ["overview", "/", "Worst vulnerabilities"],
      ["hosts", "/hosts", "Hosts"],
      ["host", host, "Repositories"],
      ["host-updates", `${host}?tab=updates`, "Updates"],
      ["host-findings", `${host}?tab=findings`, "Findings", "urgent"],
      ["host-packages", `${host}?tab=packages`, "Packages"],
      ["host-history", `${host}?tab=history`, "History"],
      ["vulnerabilities", "/vulnerabilities", "Vulnerabilities"],
      ["vulnerability", `/vulnerabilities/${exploited[0]}`, "Hosts with this vulnerability"],
      ["updates", "/updates", "Updates"],
      ["feeds", "/feeds", "Feeds", "osv/Debian"],
      ["events", "/events", "Events"],
      ["account", "/account", "API tokens"],
    ];
    for (const [name, where, table, open] of pages) {
      await page.goto(where);
      const list = page.getByRole("table", { name: table });
      await list.locator("tbody.item").first().waitFor();
      await page.locator("[data-live=Live]").waitFor();
      if (open) await list.locator("button.expander", { hasText: open }).first().click();
      await page.waitForLoadState("domcontentloaded");
      await this.takeHere(page, name);
    }
    await page.goto("/enrollment");
    await page.getByLabel("Labels for its hosts").fill("env=prod,role=web");
    await page.getByRole("button", { name: "Make token" }).click();
    await page.getByLabel("Command to enroll a host").waitFor();
    await this.takeHere(page, "enrollment");
    await page.getByRole("button", { name: "Done" }).click();
    await page.goto("/");
    await page.locator("[data-live=Live]").waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").getByRole("textbox", { name: "Search" }).and(page.locator(":focus")).waitFor();
    await page.keyboard.type("web-1");
    await page.getByRole("dialog").getByText("web-10").waitFor();
    await this.takeHere(page, "search");
    await page.keyboard.press("Escape");
  }
}
