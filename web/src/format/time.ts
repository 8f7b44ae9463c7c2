/** Instants as a tired person reads them: "14 min ago", with the exact UTC time beside it. */

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

const steps: { until: number; unit: number; name: string }[] = [
  { until: hour, unit: minute, name: "min" },
  { until: 2 * day, unit: hour, name: "h" },
  { until: 60 * day, unit: day, name: "d" },
  { until: 730 * day, unit: 30.44 * day, name: "months" },
  { until: Infinity, unit: 365.25 * day, name: "years" },
];

/** amount gives a length of time in the largest unit that says something: "40 s", "14 min", "30 h", "12 d", "5 months". */
export function amount(seconds: number): string {
  const length = Math.abs(seconds);
  if (length < minute) return `${Math.floor(length)} s`;
  for (const { until, unit, name } of steps) {
    if (length < until) return `${Math.floor(length / unit)} ${name}`;
  }
  return "";
}

/** age says how long ago an instant was. The future is "in 3 h"; a clock that is a little ahead reads as "just now". */
export function age(at: string | Date, now: number): string {
  const then = at instanceof Date ? at.getTime() : Date.parse(at);
  if (Number.isNaN(then)) return "at an unknown time";
  const seconds = (now - then) / 1000;
  if (Math.abs(seconds) < 5) return "just now";
  return seconds > 0 ? `${amount(seconds)} ago` : `in ${amount(seconds)}`;
}

/** utc is the exact instant to the second: "2026-11-21 19:50:07 UTC". */
export function utc(at: string | Date): string {
  const date = at instanceof Date ? at : new Date(at);
  if (Number.isNaN(date.getTime())) return "unknown time";
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** instant is a time in words, to the minute: "20 Nov 2026, 12:00 UTC". */
export function instant(at: string): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "an unknown time";
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()}, ${date.toISOString().slice(11, 16)} UTC`;
}

/** fieldOf is an instant as a field for a date and a time has it; the field is in UTC. */
export function fieldOf(at: string): string {
  return new Date(at).toISOString().slice(0, 16);
}

/** readField reads such a field; undefined when it holds no time. */
export function readField(text: string): string | undefined {
  const at = Date.parse(`${text}Z`);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

/** nextTick is after how many milliseconds the words for an instant can change, so that a page neither lies nor spins. */
export function nextTick(at: string, now: number): number {
  const seconds = Math.abs(now - Date.parse(at)) / 1000;
  if (Number.isNaN(seconds)) return hour * 1000;
  if (seconds < minute) return 1000;
  if (seconds < hour) return 15_000;
  return 5 * minute * 1000;
}
