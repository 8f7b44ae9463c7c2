// Drives the console in a real browser against a real server. See README.md.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { launch, watch } from "./browser.mjs";
import { Pictures } from "./pictures.mjs";
import { seed } from "./seed/fleet.mjs";
import { writeFeeds } from "./seed/feeds.mjs";
import { Server, until } from "./server.mjs";
import * as account from "./checks/account.mjs";
import * as fleet from "./checks/fleet.mjs";
import * as knowledge from "./checks/knowledge.mjs";
import * as live from "./checks/live.mjs";
import * as past from "./checks/past.mjs";
import * as patch from "./checks/patch.mjs";
import * as report from "./checks/report.mjs";
import * as session from "./checks/session.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const server = await Server.create(process.env.STAUNCH ?? path.join(root, "bin", "staunch"));
const password = "a password for the tests";
const counts = { passed: 0, failed: 0 };
let agents = new Map();
const pictureFolder = (wanted) => {
  if (!wanted) return path.join(server.folder, "pictures");
  return wanted === "1" ? path.join(root, "docs", "screenshots") : wanted;
};
let browser;

process.on("exit", () => server.process?.kill()); // whatever ends this run ends the server

try {
  await writeFeeds(server.feeds);
  await server.start();
  browser = await launch(server.keyHash());
  const state = { origin: server.url, serverDown: false };
  const problems = [];
  const pictures = new Pictures(pictureFolder(process.env.SCREENSHOTS));
  await mkdir(pictures.folder, { recursive: true });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light", reducedMotion: "reduce", baseURL: server.url });
  const page = await context.newPage();
  await watch(page, problems, state);
  page.setDefaultTimeout(15_000);
  const world = { server, page, context, browser, password, state, problems, pictures, agents, until };

  const check = async (name, run) => {
    try {
      await run(world);
      counts.passed++;
      console.log(`ok    ${name}`);
    } catch (error) {
      counts.failed++;
      console.log(`FAIL  ${name}\n      ${String(error.stack ?? error).replaceAll("\n", "\n      ")}`);
      await page.screenshot({ path: process.env.FAILED ?? path.join(server.folder, "failed.png") }).catch(() => {});
      if (process.env.STOP) throw new Error("stopped at the first failure, as asked", { cause: error });
    }
  };
  const all = async (checks) => {
    for (const [name, run] of Object.entries(checks)) await check(name, run);
  };

  world.first = await server.firstLogin();
  await all(session.checks);
  world.operator = await server.operator({ user: world.first.user, password });
  world.agents = agents = await seed(server, world.operator);
  await until("the server has taken in what was reported", async () => {
    const { items } = await world.operator("GET", "/api/v1/hosts?selector=host.state%3Dapproved&limit=1000");
    return items.every(({ metadata, packages }) => metadata.as_of && packages > 0) && items.some(({ findings }) => findings.urgent > 0);
  });
  const { ONLY: only } = process.env;
  if (!only) {
    await all(fleet.checks);
    await all(knowledge.checks);
    await all(account.checks);
  }
  await all(patch.checks);
  if (only !== "patch") {
    await all(past.checks);
    await all(report.checks);
  }
  if (!only) {
    await check("a picture of each page, light and dark", () => pictures.takeAll(world));
    await all(live.checks);
  }
  await check("nothing was refused, logged as an error, thrown or fetched from elsewhere", () => assert.deepEqual(problems, []));
  await all(session.last);
} catch (error) {
  counts.failed++;
  console.log(`FAIL  the run itself\n${error.stack}\n--- server\n${server.log?.slice(-2000) ?? ""}`);
} finally {
  for (const agent of agents.values()) agent.leave();
  await browser?.close();
  await server.remove();
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed > 0 ? 1 : 0);
