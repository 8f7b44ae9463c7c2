/** A refusal as RFC 9457 says it, or our own words where there is no such answer. */
export class Problem extends Error {
  readonly status: number;
  /** Messages for single fields, by the last part of their location: "body.labels" is "labels". */
  readonly fields: Record<string, string>;

  constructor(status: number, message: string, fields: Record<string, string> = {}) {
    super(message);
    this.name = "Problem";
    this.status = status;
    this.fields = fields;
  }
}

const silent: Record<number, string> = {
  0: "The server did not answer. Check the network, and whether staunch server runs.",
  401: "You are signed out.",
  403: "You may not do this.",
  404: "There is no such thing here. It may have been deleted.",
  429: "Too many attempts. Wait a minute and try again.",
  502: "A proxy answered instead of the server. Check whether staunch server runs.",
  503: "The server is starting or overloaded. It is asked again shortly.",
};

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** problemOf reads an error body of any shape; body is whatever the server, or something in between, sent. */
export function problemOf(status: number, body: unknown): Problem {
  const fields: Record<string, string> = {};
  let message: string | undefined;
  if (typeof body === "object" && body !== null) {
    const { detail, title, errors } = body as Record<string, unknown>;
    message = text(detail) ?? text(title);
    for (const entry of Array.isArray(errors) ? errors : []) {
      const { location, message: why } = (entry ?? {}) as Record<string, unknown>;
      const said = text(why);
      if (!said) continue;
      const field = text(location)?.split(".").at(-1);
      if (field) fields[field] = said;
      if (message === "validation failed") message = field ? `${field}: ${said}` : said;
    }
  }
  return new Problem(status, message ?? silent[status] ?? `The server answered with status ${status}.`, fields);
}

/** sentence makes the first letter a capital and ends with a full stop: the server's messages are written in lower case. */
export function sentence(message: string): string {
  const trimmed = message.trim();
  if (!trimmed) return "";
  return stopped(trimmed.charAt(0).toUpperCase() + trimmed.slice(1));
}

/** stopped only ends with a full stop: what begins with a name stays as that is written. */
export function stopped(text: string): string {
  return /[.!?…)]$/.test(text) ? text : `${text}.`;
}

export function messageOf(error: unknown): string {
  return sentence(error instanceof Error ? error.message : "Something went wrong");
}
