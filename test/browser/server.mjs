import { spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import https from "node:https";
import net from "node:net";
import os from "node:os";
import path from "node:path";

/** Server is a real staunch server in a temporary folder. */
export class Server {
  static async create(binary) {
    const server = new Server();
    server.binary = binary;
    server.folder = await mkdtemp(path.join(os.tmpdir(), "staunch-browser-"));
    server.data = path.join(server.folder, "data");
    server.feeds = path.join(server.folder, "feeds");
    server.host = "127.0.0.1";
    server.port = await freePort();
    server.url = `https://127.0.0.1:${server.port}`;
    return server;
  }

  /** start runs the server until it says that it is ready. Its log is kept for when something fails. */
  async start() {
    this.log = "";
    const args = ["server", "--data", this.data, "--listen", `127.0.0.1:${this.port}`, "--feeds", this.feeds, "--name", "127.0.0.1", "--name", "localhost"];
    this.process = spawn(this.binary, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on("data", (text) => (this.log = (this.log + text).slice(-200_000)));
    let ended;
    this.process.on("exit", (code, signal) => (ended = `${code ?? signal}`));
    await until(`${this.binary} server answers`, async () => {
      if (ended !== undefined) throw new Fatal(`staunch server ended with ${ended}:\n${this.log}`);
      this.ca = await readFile(path.join(this.data, "ca.pem"), "utf8");
      return (await this.request("GET", "/readyz")).status === 200;
    });
  }

  async stop() {
    if (!this.process || this.process.exitCode !== null) return;
    const gone = new Promise((done) => this.process.once("exit", done));
    this.process.kill("SIGTERM");
    await gone;
  }

  async remove() {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** firstLogin is the name and the password that the server made. */
  async firstLogin() {
    const text = await readFile(path.join(this.data, "first-login"), "utf8");
    const field = (name) => text.match(new RegExp(`^${name}: (.+)$`, "m"))[1];
    return { user: field("user"), password: field("password") };
  }

  /** keyHash is what a browser is told to trust: the hash of the public key of the server's CA, which the server sends along. */
  keyHash() {
    const { publicKey } = new X509Certificate(this.ca);
    return createHash("sha256").update(publicKey.export({ type: "spki", format: "der" })).digest("base64");
  }

  request(method, where, { body, headers = {} } = {}) {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const all = text === undefined ? headers : { ...headers, "content-type": "application/json", "content-length": Buffer.byteLength(text) };
      const call = https.request({ host: this.host, port: this.port, method, path: where, ca: this.ca, headers: all }, (answer) => {
        let got = "";
        answer.setEncoding("utf8");
        answer.on("data", (part) => (got += part));
        answer.on("error", reject);
        answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text: got }));
      });
      call.on("error", reject);
      call.end(text);
    });
  }

  /** operator gives a function that calls the API with an API token of the user. */
  async operator({ user, password }) {
    const made = await this.request("POST", "/api/v1/login-token", { body: { username: user, password, name: "browser test" } });
    if (made.status >= 300) throw new Error(`login-token: ${made.status} ${made.text}`);
    const authorization = `Bearer ${JSON.parse(made.text).secret}`;
    return async (method, where, body) => {
      const answer = await this.request(method, where, { body, headers: { authorization } });
      if (answer.status >= 300) throw new Error(`${method} ${where}: ${answer.status} ${answer.text}`);
      return answer.text ? JSON.parse(answer.text) : undefined;
    };
  }
}

class Fatal extends Error {}

/** until waits for something to be true, at most 60 s; a test that waits for too long fails with what it waited for. */
export async function until(what, true_, limit = 60_000) {
  const end = Date.now() + limit;
  for (let last = new Error("not true"); ; ) {
    try {
      if (await true_()) return;
      last = new Error("not true");
    } catch (error) {
      if (error instanceof Fatal) throw error;
      last = error;
    }
    if (Date.now() > end) throw new Error(`waited ${limit / 1000} s until ${what}: ${last.message}`);
    await new Promise((next) => setTimeout(next, 100));
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const socket = net.createServer();
    socket.on("error", reject);
    socket.listen(0, "127.0.0.1", () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
