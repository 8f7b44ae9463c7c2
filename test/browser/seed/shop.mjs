import { createHash } from "node:crypto";
import { Agent } from "./agent.mjs";
import { contents } from "./contents.mjs";

/**
 * The shop: hosts that can be patched. What they would do, and how it goes, is written here; when each goes on is said by the test.
 * Their kinds (see contents.mjs) make groups that answer alike. Packages come from nowhere: nothing is installed.
 */
const group = (kind, ...of) => of.map((k) => 420 * k + kind);
const kinds = {
  plain: group(0, 1, 2, 4, 6, 7, 8, 9, 10, 11),
  kernel: group(1, 2, 3, 4), // would add a kernel's package
  half: group(2, 1, 2, 3, 4),
  removing: group(10, 1), // would remove a package: refused unless allowed
  done: group(4, 1),
  locked: group(5, 1), // its package manager cannot say
};
export const failing = "shop-04";
export const away = "shop-09";

export class Shop {
  /** create enrolls the shop and has it report. */
  static async create(server, operator, agents) {
    const shop = new Shop();
    shop.hosts = new Map();
    shop.answering = gate();
    const all = Object.entries(kinds).flatMap(([kind, list]) => list.map((at) => ({ kind, at })));
    const { token } = await operator("POST", "/api/v1/enroll-tokens", { labels: { app: "shop", env: "prod" }, uses: all.length, ttl: "1h", approve: true });
    for (const [n, { kind, at }] of all.entries()) {
      const name = `shop-${String(n + 1).padStart(2, "0")}`;
      const host = new ShopHost(shop, kind, await new Agent(server, name, `127.0.0.${20 + (n % 8)}`).enroll(token));
      const { sections, vitals } = contents(name, at);
      await host.report(sections, vitals);
      if (name !== away) host.agent.stay((work) => host.work(work));
      shop.hosts.set(name, host);
      agents.set(name, host.agent);
    }
    return shop;
  }

  host(name) {
    return this.hosts.get(name);
  }

  /** failure is what went wrong on the hosts' side of the channel. */
  failure() {
    return [...this.hosts.values()].map(({ agent }) => agent.failure).find(Boolean);
  }
}

class ShopHost {
  constructor(shop, kind, agent) {
    Object.assign(this, { shop, kind, agent, going: gate(), applying: gate() });
  }

  async report(sections, vitals) {
    Object.assign(this, { sections, vitals });
    await this.agent.report(sections, vitals);
  }

  async work({ id, kind }) {
    if (kind === "simulate") return this.simulate(id);
    if (kind === "run") return this.run(id);
  }

  async simulate(id) {
    const { packages } = await this.agent.simulation(id);
    await this.shop.answering.opened;
    await this.agent.answer(id, { able: true, reboot: this.kind === "kernel", sections: this.agent.digests, ...this.answer(packages) });
  }

  answer(packages) {
    if (this.kind === "locked") return { known: false, problem: "dpkg was interrupted: run dpkg --configure -a", changes: [] };
    const updates = new Map(this.sections.updates.updates.map((update) => [update.name, update]));
    const changes = packages.map(({ name, arch, version }) => {
      const { from, archive, origin } = updates.get(name);
      return { name, arch, action: "upgrade", from, to: version, sha256: hash(name, version), size: size(name), archive, origin };
    });
    if (this.kind === "kernel" && updates.has("linux-image-6.1.0-31-amd64")) changes.push(added("linux-image-6.1.0-37-amd64", "6.1.140-1"));
    if (this.kind === "removing") changes.push({ name: "libxml2-legacy", arch: "amd64", action: "remove", from: "2.9.14-1" });
    return { known: true, changes };
  }

  /** run carries out a run up to the middle of its transaction, and the rest when the test lets it go. */
  async run(id) {
    const offer = await this.agent.offer(id);
    const read = (bytes) => JSON.parse(Buffer.from(bytes, "base64"));
    const { changes } = read(offer.lock);
    Object.assign(this, { id, epoch: read(offer.grant).epoch, seq: 0 });
    await this.agent.accept(id, this.epoch);
    for (const [name, text] of [["accept", ""], ["download", `${changes.length} files`], ["stage", `${changes.length} hashes as locked`], ["simulate", "as locked"]]) await this.step(name, "done", text);
    await this.step("apply", "started", "unit staunch-run");
    await this.say(`Unpacking ${changes.length} packages …`);
    this.applying.open();
    await this.going.opened;
    if (this.agent.name === failing) return this.fail(changes);
    await this.say(...changes.map(({ name, to }) => `Setting up ${name} (${to}) …`));
    await this.step("apply", "done", "");
    await this.step("restart", "done", "cron.service");
    await this.step("verify", "done", "every package as locked");
    await this.send({ outcome: outcome("succeeded", changes) });
    await this.report(after(this.sections, changes), this.vitals);
  }

  /** fail leaves the last package half-configured, and says so. */
  async fail(changes) {
    const broken = changes.find(({ name }) => name === "openssh-server");
    const text = "openssh-server: its post-installation script ended with status 1";
    await this.say("Setting up openssh-server (1:9.2p1-2+deb12u7) …", "dpkg: error processing package openssh-server (--configure):", " installed openssh-server package post-installation script subprocess returned error exit status 1");
    await this.step("apply", "failed", text);
    await this.send({ outcome: { ...outcome("failed", changes.filter((c) => c !== broken)), class: "package", reason: text, broken: [state(broken, "half-configured")] } });
  }

  step(name, what, text) {
    const now = Date.now();
    const ended = what === "started" ? {} : { ended: new Date(now).toISOString() };
    return this.send({ step: { name, state: what, started: new Date(now - 1400).toISOString(), text, ...ended } });
  }

  say(...lines) {
    return this.send({ lines });
  }

  send(report) {
    return this.agent.reports(this.id, this.epoch, [{ seq: ++this.seq, at: new Date().toISOString(), ...report }]);
  }
}

/** gate is a promise that a test opens. */
function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { opened, open };
}

const hash = (name, version) => createHash("sha256").update(`${name} ${version}`).digest("hex");
const size = (name) => 40_000 + (Number.parseInt(hash(name, "").slice(0, 5), 16) % 3_000_000);
const added = (name, to) => ({ name, arch: "amd64", action: "install", to, sha256: hash(name, to), size: 68_000_000, archive: "bookworm-security", origin: "Debian" });
const state = ({ name, arch, to }, word) => ({ name, arch, state: `${word} ${to}` });

function outcome(result, changes) {
  return { result, installed: changes.map((change) => state(change, "installed")), broken: [], restarted: ["cron.service"], stale: [], conffiles: [], reboot: { required: false, packages: [], reasons: [] } };
}

/** after is what a host reports once the changes are made. */
function after({ packages, updates, ...others }, changes) {
  const now = new Map(changes.map((change) => [change.name, change.to]));
  const kept = packages.packages.map((pack) => (now.has(pack.name) ? { ...pack, version: now.get(pack.name) } : pack));
  const fresh = changes.filter(({ action }) => action === "install").map(({ name, arch, to }) => ({ name, arch, version: to, source: "linux", origin: "Debian" }));
  return {
    ...others,
    packages: { ...packages, packages: [...kept, ...fresh].toSorted((a, b) => (a.name < b.name ? -1 : 1)) },
    updates: { ...updates, updates: updates.updates.filter(({ name }) => !now.has(name)) },
  };
}
