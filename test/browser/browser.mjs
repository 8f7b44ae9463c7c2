import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** launch starts Chromium, which trusts what the CA with this key signed, and nothing else beyond the usual. playwright gives it an empty profile. */
export function launch(keyHash) {
  const executablePath = process.env.CHROMIUM ?? execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
  return chromium.launch({ executablePath, headless: true, args: [...flags, `--ignore-certificate-errors-spki-list=${keyHash}`] });
}

// What tests provoke on purpose; every other refusal fails the run.
const expected = [
  [401, /\/api\/v1\/session$/],
  [422, /\/api\/v1\/(hosts|overview)\?/],
  [503, /as_of=/], // a past that is still being read, which a check plays
  [401, /\/api\/v1\/session\/password$/],
  [403, /\/api\/v1\/session\/password$/],
  [422, /\/api\/v1\/session\/password$/],
  [422, /\/api\/v1\/reports\/metrics\?/], // a clock that cannot be read
  [404, /\/api\/v1\/feeds\/bundle\?release=/], // a release of which nothing is known
  [422, /\/api\/v1\/feeds\/bundle\?$/], // what is no bundle
  [422, /\/api\/v1\/plans$/], // a selector that cannot be read
  [409, /\/api\/v1\/plans\/plan_\w+\/approve$/], // approved by somebody else meanwhile
  [404, /\/api\/v1\/hosts\/host_\w+$/], // its page asks once more when a host is deleted
];

/** watch collects what must not happen in a page: console errors, exceptions, refusals nobody asked for, broken policies. */
export function watch(page, problems, state) {
  page.on("pageerror", (error) => problems.push(`exception: ${error.message}`));
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() !== "error" && message.type() !== "warning") return;
    if (text.startsWith("Failed to load resource: the server responded")) return; // judged by its response, below
    if (state.serverDown && /ERR_|Failed to load resource/.test(text)) return;
    problems.push(`console ${message.type()} at ${page.url()}: ${text}`);
  });
  page.on("response", (response) => {
    const [status, url] = [response.status(), response.url()];
    if (status >= 400 && !expected.some(([s, where]) => s === status && where.test(url))) problems.push(`response: ${status} ${url}`);
  });
  page.on("request", (request) => {
    const { origin } = new URL(request.url());
    if (origin !== state.origin) problems.push(`request to another origin: ${request.url()}`);
  });
  return page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}:${event.columnNumber} ${event.sample}`));
  });
}
