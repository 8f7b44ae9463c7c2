import { describe, expect, test } from "vitest";
import type { DailyTotal, FindingCounts } from "../api/types";
import { ceiling, clean, dayBefore, daysOf, inDays, percent } from "./days";

const counts = (assessed: boolean, urgent = 0, total = 0): FindingCounts => ({ assessed, urgent, high: 0, normal: 0, low: 0, lowest: 0, total });
const total = (day: string, hosts: number, assessed: boolean): DailyTotal => ({ day, hosts, not_assessed: assessed ? 0 : hosts, findings: counts(assessed), hosts_by_worst: counts(assessed, 1, hosts) });

describe("days", () => {
  test("a day without totals is a gap: not counted yet, or before the first host", () => {
    const items = [total("2026-11-17", 3, true), total("2026-11-18", 3, false), total("2026-11-20", 4, true)];
    expect(daysOf(items, 1, "2026-11-20", 5).map(({ day, known }) => `${day} ${known}`)).toEqual([
      "2026-11-16 no host yet",
      "2026-11-17 counted",
      "2026-11-18 not assessed",
      "2026-11-19 not counted yet",
      "2026-11-20 counted",
    ]);
  });
  test("a day without hosts is no day on which all was well", () => expect(daysOf([total("2026-11-20", 0, true)], 0, "2026-11-20", 1)[0]?.known).toBe("no host yet"));
  test("of nothing known every day is a gap", () => expect(daysOf([], 0, "2026-11-20", 90).every(({ known }) => known === "no host yet")).toBe(true));
  test("months end where they end", () => expect(daysOf([], 0, "2026-03-01", 2).map(({ day }) => day)).toEqual(["2026-02-28", "2026-03-01"]));
  test("the last day that is over", () => expect(dayBefore(Date.parse("2026-11-22T00:00:01Z"))).toBe("2026-11-21"));
  test("hosts with nothing are those of no priority", () => expect(clean(counts(true, 2, 10))).toBe(8));
});

test.each([
  [0, 5],
  [5, 5],
  [6, 6],
  [41, 50],
  [208, 300],
  [9999, 10000],
])("an axis for %d ends at %d", (n, want) => expect(ceiling(n)).toBe(want));

test.each([
  [0, "0 d"],
  [0.04, "0.04 d"],
  [3.25, "3.3 d"],
  [1234.5, "1,235 d"],
])("%d days are %s", (n, want) => expect(inDays(n)).toBe(want));

test("what happened took some time", () => expect(inDays(0, true)).toBe("< 0.01 d"));

test.each([
  [undefined, undefined],
  [0, "0 %"],
  [99.9, "99.9 %"],
  [100, "100 %"],
])("%s percent is %s", (n, want) => expect(percent(n)).toBe(want));
