import { describe, expect, test } from "vitest";
import { age, amount, fieldOf, instant, nextTick, readField, utc } from "./time";

const now = Date.parse("2026-11-21T20:00:00Z");
const before = (seconds: number) => new Date(now - seconds * 1000);

describe("age", () => {
  test.each([
    [0, "just now"],
    [-4, "just now"],
    [5, "5 s ago"],
    [59.9, "59 s ago"],
    [60, "1 min ago"],
    [59 * 60 + 59, "59 min ago"],
    [3600, "1 h ago"],
    [47 * 3600, "47 h ago"],
    [48 * 3600, "2 d ago"],
    [59 * 86400, "59 d ago"],
    [61 * 86400, "2 months ago"],
    [800 * 86400, "2 years ago"],
    [-3 * 3600 - 1, "in 3 h"],
  ])("%d s before now is %j", (seconds, want) => {
    expect(age(before(seconds), now)).toBe(want);
  });

  test("what is not an instant says so", () => {
    expect(age("yesterday", now)).toBe("at an unknown time");
    expect(utc("yesterday")).toBe("unknown time");
  });
});

test("an amount never rounds up to a longer time than it is", () => {
  for (let seconds = 0; seconds < 3 * 86400; seconds += 97) {
    const [value, unit] = amount(seconds).split(" ");
    const length = { s: 1, min: 60, h: 3600, d: 86400 }[unit ?? ""] ?? 0;
    expect(Number(value) * length).toBeLessThanOrEqual(seconds);
  }
});

test("utc is exact to the second and names its zone", () => {
  expect(utc("2026-11-21T21:50:07.9+02:00")).toBe("2026-11-21 19:50:07 UTC");
});

test("old instants wake the page less often than new ones", () => {
  expect(nextTick(before(10).toISOString(), now)).toBeLessThan(nextTick(before(600).toISOString(), now));
  expect(nextTick(before(600).toISOString(), now)).toBeLessThan(nextTick(before(90000).toISOString(), now));
});

describe("an instant", () => {
  test("in words is in UTC, whatever the zone it came in", () => expect(instant("2026-11-20T14:05:59+02:00")).toBe("20 Nov 2026, 12:05 UTC"));
  test("that is none says so", () => expect(instant("yesterday")).toBe("an unknown time"));
  test("in a field is read as it was", () => expect(readField(fieldOf("2026-11-20T12:05:00.000Z"))).toBe("2026-11-20T12:05:00.000Z"));
  test.each(["", "2026-13-01T00:00", "soon"])("%j in a field is none", (text) => expect(readField(text)).toBeUndefined());
});
