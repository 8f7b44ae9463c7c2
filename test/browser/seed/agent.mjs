import { createHash } from "node:crypto";
import https from "node:https";
import { request } from "./csr.mjs";

const protocol = "staunch-agent/1";

/** Agent is one host on the agent channel: it enrolls, reports, and waits for work, which is its presence. */
export class Agent {
  /** from is the loopback address that it calls from: the server lets one address enroll only so many a minute. */
  constructor(server, name, from = "127.0.0.1") {
    this.server = server;
    this.name = name;
    this.from = from;
  }

  async enroll(token) {
    const { key, csr } = request();
    const door = new https.Agent({ ca: this.server.ca, ALPNProtocols: [protocol] });
    const answer = await this.#call(door, "POST", "/agent/v1/enroll", {
      token,
      csr,
      hostname: this.name,
      agent_version: "0.1.0",
      protocol: 1,
    });
    door.destroy();
    this.id = answer.host_id;
    this.state = answer.state;
    this.door = new https.Agent({ ca: this.server.ca, cert: answer.certificate, key, ALPNProtocols: [protocol], keepAlive: true });
    return this;
  }

  /** report checks in and gives what the server lacks. sections is { name: contents }. */
  async report(sections, vitals) {
    const bodies = Object.fromEntries(Object.entries(sections).map(([name, contents]) => [name, JSON.stringify(contents)]));
    const digests = Object.fromEntries(Object.entries(bodies).map(([name, body]) => [name, createHash("sha256").update(body).digest("hex")]));
    this.digests = digests;
    const answer = await this.#call(this.door, "POST", "/agent/v1/checkin", { agent_version: "0.1.0", sections: digests, vitals });
    for (const name of ["facts", "packages", "repositories", "updates", "hardware"]) {
      if (answer.lacks.includes(name)) {
        await this.#call(this.door, "PUT", `/agent/v1/sections/${name}?digest=${digests[name]}`, bodies[name]);
      }
    }
  }

  /** wait is one long poll: the work that came, or undefined. */
  wait(seconds) {
    return this.#call(this.door, "GET", `/agent/v1/work?wait=${seconds}`);
  }

  simulation(id) {
    return this.#call(this.door, "GET", `/agent/v1/simulations/${id}`);
  }

  answer(id, body) {
    return this.#call(this.door, "POST", `/agent/v1/simulations/${id}`, body);
  }

  offer(id) {
    return this.#call(this.door, "GET", `/agent/v1/runs/${id}`);
  }

  accept(id, epoch) {
    return this.#call(this.door, "POST", `/agent/v1/runs/${id}/accept`, { epoch });
  }

  reports(id, epoch, reports) {
    return this.#call(this.door, "POST", `/agent/v1/runs/${id}/reports`, { epoch, reports });
  }

  /** stay keeps polling until leave, and hands work to onWork, each piece once: told again, it is the same. */
  stay(onWork) {
    this.staying = true;
    const taken = new Set();
    void (async () => {
      while (this.staying) {
        try {
          const work = await this.wait(60);
          if (!work || !onWork || taken.has(work.id)) continue;
          taken.add(work.id);
          onWork(work).catch((error) => (this.failure ??= error));
        } catch {
          await new Promise((next) => setTimeout(next, 500));
        }
      }
    })();
  }

  leave() {
    this.staying = false;
    this.door?.destroy();
  }

  #call(agent, method, path, body) {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
      const headers = text === undefined ? {} : { "content-length": Buffer.byteLength(text), "content-type": typeof body === "string" ? "application/octet-stream" : "application/json" };
      const call = https.request({ agent, method, path, host: this.server.host, port: this.server.port, localAddress: this.from, headers }, (answer) => {
        let got = "";
        answer.setEncoding("utf8");
        answer.on("data", (part) => (got += part));
        answer.on("error", reject);
        answer.on("end", () => {
          if (answer.statusCode >= 300) reject(new Error(`${this.name}: ${method} ${path}: ${answer.statusCode} ${got}`));
          else resolve(got ? JSON.parse(got) : undefined);
        });
      });
      call.on("error", reject);
      call.end(text);
    });
  }
}
