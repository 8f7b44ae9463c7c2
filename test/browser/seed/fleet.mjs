import { Agent } from "./agent.mjs";
import { contents } from "./contents.mjs";

/**
 * The hostile host: every string of it that a page shows would be markup if a page let it. Of its name the server keeps what a name
 * may have.
 */
export const hostileName = "<img src=x onerror=alert(1)>";
export const hostile = `<img src=x onerror="document.title='owned'">`;

/** Groups of hosts that are enrolled with one token each. */
const groups = [
  { prefix: "web", n: 80, labels: { env: "prod", role: "web" } },
  { prefix: "api", n: 50, labels: { env: "prod", role: "api" } },
  { prefix: "db", n: 30, labels: { env: "prod", role: "db" } },
  { prefix: "stage", n: 34, labels: { env: "test", role: "web" } },
  { prefix: "edge", n: 14, labels: { env: "edge", site: "north" } },
];
const pending = ["new-01", "new-02", "new-03"];
const parallel = 8;

/** seed enrolls and reports the fleet. operator posts to the API as the administrator. The agents of online hosts are returned by name. */
export async function seed(server, operator) {
  const token = async (body) => (await operator("POST", "/api/v1/enroll-tokens", body)).token;
  const jobs = [];
  for (const { prefix, n, labels } of groups) {
    const text = await token({ labels, uses: n, ttl: "1h", approve: true });
    for (let at = 0; at < n; at++) jobs.push({ name: `${prefix}-${String(at + 1).padStart(2, "0")}`, text, at: jobs.length });
  }
  const odd = await token({ labels: { env: "test" }, uses: 2, ttl: "1h", approve: true });
  jobs.push({ name: hostileName, text: odd, at: jobs.length, hostile: true });
  const waiting = await token({ labels: { env: "prod" }, uses: 10, ttl: "1h" });
  for (const name of pending) jobs.push({ name, text: waiting, at: jobs.length, pending: true });

  const agents = new Map();
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (let job = jobs.shift(); job; job = jobs.shift()) agents.set(job.name, await host(server, job));
    }),
  );
  return agents;
}

async function host(server, { name, text, at, hostile: bad, pending: waits }) {
  const agent = new Agent(server, name, `127.0.0.${2 + (at % 8)}`);
  await agent.enroll(text);
  if (waits) return agent;
  const { sections, vitals } = contents(agent.name, at, bad ? hostile : undefined);
  agent.sections = sections;
  agent.vitals = vitals;
  await agent.report(sections, vitals);
  if (at % 9 !== 4) agent.stay();
  return agent;
}
