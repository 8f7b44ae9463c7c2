/**
 * The past that a page shows is in its address: as_of, an instant, and hindsight. Pure here; usePast binds it to the router.
 */

export interface Past {
  /** RFC 3339, UTC. Absent: now. */
  as_of?: string;
  /** Judged with what is known today; else with what was known then. */
  hindsight?: boolean;
}

export const now: Past = {};

// Pages whose questions can be asked about the past: the overview, hosts and their findings, vulnerabilities, updates.
const pages = /^\/($|hosts($|\/)|vulnerabilities($|\/)|updates($|\/))/;

/** hasPast says whether a page can show the past. */
export function hasPast(path: string): boolean {
  return pages.test(path);
}

/** readPast reads an address. What is no instant is no past: addresses come from anywhere. */
export function readPast(params: URLSearchParams): Past {
  const at = Date.parse(params.get("as_of") ?? "");
  if (Number.isNaN(at)) return now;
  const as_of = new Date(at).toISOString();
  return params.get("hindsight") === "yes" ? { as_of, hindsight: true } : { as_of };
}

/** writePast lays a past over an address; now leaves nothing behind. */
export function writePast(params: URLSearchParams, { as_of, hindsight }: Past): URLSearchParams {
  const next = new URLSearchParams(params);
  next.delete("as_of");
  next.delete("hindsight");
  if (as_of) next.set("as_of", as_of);
  if (as_of && hindsight) next.set("hindsight", "yes");
  next.sort();
  return next;
}

/** carried gives an address within the console the past that is shown, where the page there can show it. */
export function carried(to: string, past: Past): string {
  if (!past.as_of) return to;
  const [path = "", query = ""] = to.split("?");
  return hasPast(path) ? `${path}?${writePast(new URLSearchParams(query), past)}` : to;
}

/** pastOf is the past that a question is about, from its key; undefined when it is about now. */
export function pastOf(key: readonly unknown[] | undefined): string | undefined {
  for (const part of key ?? []) {
    if (typeof part !== "object" || part === null || !("as_of" in part)) continue;
    const { as_of, hindsight } = part as Past;
    if (as_of) return `${as_of}${hindsight ? " with hindsight" : ""}`;
  }
  return undefined;
}
