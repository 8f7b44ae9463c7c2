import { describe, expect, test } from "vitest";
import { carried, hasPast, now, pastOf, readPast, writePast, wrongPast } from "./past";

const then = { as_of: "2026-11-20T12:00:00.000Z" };

describe("the past in an address", () => {
  test.each([now, then, { ...then, hindsight: true }])("%j is read as it was written", (past) => {
    expect(readPast(new URLSearchParams(writePast(new URLSearchParams("q=x"), past).toString()))).toEqual(past);
  });
  test.each([
    ["as_of=", "“” is no date and time"],
    ["as_of=foo", "“foo” is no date and time"],
    ["as_of=foo 1", "“foo 1” is no date and time"], // which Date.parse takes
    ["as_of=2026-06-31T00:00:00Z", "is no date and time"],
    ["as_of=2026-11-20T12:00:00", "is no date and time"], // of which zone?
    ["as_of=2026-11-20T14:00:00+02:00", "is no date and time"], // in an address, + is a space
    ["as_of=<img>&hindsight=yes", "“<img>” is no date and time"],
    ["hindsight=yes", "not as of when"],
    ["as_of=2026-11-20T12:00:00Z&hindsight=foo", "not “foo”"],
  ])("%j is no past, and it is said why", (text, why) => {
    expect(readPast(new URLSearchParams(text))).toEqual(now);
    expect(wrongPast(new URLSearchParams(text))).toContain(why);
  });
  test.each(["", "q=foo", "as_of=2026-11-20", "as_of=2026-11-20T12:00:00.000Z&hindsight=yes"])("nothing is wrong with %j", (text) => {
    expect(wrongPast(new URLSearchParams(text))).toBeUndefined();
  });
  test("an instant of another zone is shown in UTC", () => {
    expect(readPast(new URLSearchParams({ as_of: "2026-11-20T14:00:00+02:00" }))).toEqual(then);
  });
  test("going back to now leaves the rest of the address", () => {
    const past = writePast(new URLSearchParams("q=x&sort=-os"), { ...then, hindsight: true });
    expect(writePast(past, now).toString()).toBe("q=x&sort=-os");
  });
});

describe("links", () => {
  test.each([
    ["/", "/?as_of=2026-11-20T12%3A00%3A00.000Z"],
    ["/hosts?selector=env%3Dprod", "/hosts?as_of=2026-11-20T12%3A00%3A00.000Z&selector=env%3Dprod"],
    ["/vulnerabilities/CVE-2026-1", "/vulnerabilities/CVE-2026-1?as_of=2026-11-20T12%3A00%3A00.000Z"],
    ["/feeds", "/feeds"],
    ["/plans/plan_1", "/plans/plan_1"],
    ["/hostsandmore", "/hostsandmore"],
  ])("%s leads to %s", (to, want) => {
    expect(carried(to, then)).toBe(want);
  });
  test("now is carried nowhere", () => {
    expect(carried("/hosts?q=x", now)).toBe("/hosts?q=x");
  });
});

test.each(["/", "/hosts", "/hosts/host_1", "/updates"])("%s can show the past", (path) => expect(hasPast(path)).toBe(true));
test.each(["/events", "/rollouts/rollout_1", "/report", "/report/metrics"])("%s is always now", (path) => expect(hasPast(path)).toBe(false));

test("questions about different times are told apart by their keys", () => {
  expect(pastOf(["hosts", { selector: "", ...then }])).toBe(then.as_of);
  expect(pastOf(["hosts", { ...then, hindsight: true }])).not.toBe(pastOf(["hosts", then]));
  expect(pastOf(["host", "host_1"])).toBeUndefined();
  expect(pastOf(["hosts", { selector: "as_of" }])).toBeUndefined();
});
