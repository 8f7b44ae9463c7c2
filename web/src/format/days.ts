import type { DailyTotal, FindingCounts } from "../api/types";

/** Days as charts and tables show them. A day is "2026-11-20", UTC. */

const length = 86_400_000;

/** What is known of a day: its totals; that it is not counted yet; or nothing, since no host was there. */
export type Known = "counted" | "not assessed" | "not counted yet" | "no host yet";

export interface Day {
  day: string;
  known: Known;
  total?: DailyTotal;
}

/**
 * daysOf lays totals over the days from the first to the last, so that a day without one is a gap and not a nought. missing is how many days
 * are not counted yet: those are the newest without totals, since what was before the first host is never counted.
 */
export function daysOf(items: DailyTotal[], missing: number, until: string, n: number): Day[] {
  const by = new Map(items.map((item) => [item.day, item]));
  const days: Day[] = [];
  let open = missing;
  for (let back = 0; back < n; back++) {
    const day = new Date(Date.parse(until) - back * length).toISOString().slice(0, 10);
    const total = by.get(day);
    if (total) days.push({ day, total, known: knownOf(total) });
    else days.push({ day, known: open-- > 0 ? "not counted yet" : "no host yet" });
  }
  return days.toReversed();
}

function knownOf(total: DailyTotal): Known {
  if (total.hosts === 0) return "no host yet";
  return total.hosts_by_worst.assessed ? "counted" : "not assessed";
}

/** dayBefore is the last day that is over at an instant: trends end there. */
export function dayBefore(now: number): string {
  return new Date(now - length).toISOString().slice(0, 10);
}

/** clean is how many assessed hosts had nothing. */
export function clean(counts: FindingCounts): number {
  return counts.total - counts.urgent - counts.high - counts.normal - counts.low - counts.lowest;
}

/** ceiling is a round number at or above n, where an axis ends: 1, 2 or 5 times a power of ten. */
export function ceiling(n: number): number {
  if (n <= 5) return 5;
  const power = 10 ** Math.floor(Math.log10(n));
  for (const times of [1, 2, 3, 4, 5, 6, 8]) if (n <= times * power) return times * power;
  return 10 * power;
}

/**
 * inDays is a length of time in days as a column shows it: "3.2 d", "0.04 d". The server rounds to a hundredth: of something that happened,
 * nought is less than that.
 */
export function inDays(days: number, happened = false): string {
  if (days === 0 && happened) return "< 0.01 d";
  const digits = days === 0 || days >= 100 ? 0 : days >= 1 ? 1 : 2;
  return `${days.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits })} d`;
}

/** percent keeps what the server rounded: 99.9 is not 100. */
export function percent(value: number | undefined): string | undefined {
  return value === undefined ? undefined : `${value.toLocaleString("en-GB", { maximumFractionDigits: 1 })} %`;
}
