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

// A day or an instant with its zone, as RFC 3339 has it. Date.parse alone takes "foo 1" for a day of 2001.
const written = /^(\d{4})-(\d\d)-(\d\d)(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/i;

function instantOf(text: string): number {
  const [, year, month, day] = (written.exec(text) ?? []).map(Number);
  if (year === undefined || month === undefined || day === undefined) return NaN;
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day ? Date.parse(text) : NaN; // no 31st of June
}

/**
 * wrongPast says what is wrong with the time that an address names; undefined: nothing. Addresses come from anywhere, and what is now must
 * never be read as what was then: with a wrong one nothing is shown.
 */
export function wrongPast(params: URLSearchParams): string | undefined {
  const text = params.get("as_of");
  const hindsight = params.get("hindsight");
  if (text !== null && Number.isNaN(instantOf(text))) return `“${text.slice(0, 40)}” is no date and time, as 2026-07-01T12:00:00Z is.`;
  if (text === null && hindsight !== null) return "It asks for hindsight, but not as of when.";
  if (hindsight !== null && hindsight !== "yes") return `Hindsight is “yes” or left out, and not “${hindsight.slice(0, 40)}”.`;
  return undefined;
}

/** readPast reads an address; one that wrongPast objects to names no past. */
export function readPast(params: URLSearchParams): Past {
  const text = params.get("as_of");
  if (text === null || wrongPast(params)) return now;
  const as_of = new Date(instantOf(text)).toISOString();
  return params.has("hindsight") ? { as_of, hindsight: true } : { as_of };
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
