import { describe, expect, test } from "vitest";
import { everything, parseMessage, touched } from "./touched";

describe("touched", () => {
  test("a host that came online touches lists and its own page, not findings", () => {
    const nouns = touched([{ kind: "presence", ref: "h1" }]);
    expect([...nouns].toSorted()).toEqual(["host:h1", "hosts", "overview"]);
  });
  test("a host that changed leaves other hosts' pages alone", () => {
    const nouns = touched([{ kind: "host", ref: "h1" }]);
    expect(nouns.has("host-findings:h1")).toBe(true);
    expect(nouns.has("host-findings")).toBe(false);
    expect(nouns.has("vulnerabilities")).toBe(true);
  });
  test("new advisories touch every host's findings", () => {
    expect(touched([{ kind: "advisory", ref: "osv/Debian" }]).has("host-findings")).toBe(true);
  });
  test("a rollout that moved leaves other rollouts alone", () => {
    const nouns = touched([{ kind: "rollout", ref: "r1" }]);
    expect([...nouns].toSorted()).toEqual(["plan", "rollout:r1", "rollouts", "run"]);
  });
  test.each(["resync", "a kind of a later server"])("%s touches everything", (kind) => {
    expect(touched([{ kind }]).has(everything)).toBe(true);
  });
  test("a thousand messages about one host are one question", () => {
    const many = Array.from({ length: 1000 }, () => ({ kind: "presence", ref: "h1" }));
    expect(touched(many).size).toBe(3);
  });
});

test.each(["", "{", "7", "null", '{"kind":7}', "[]"])("%j is no message", (data) => expect(parseMessage(data)).toBeUndefined());
test("fields of later servers are ignored", () => {
  expect(parseMessage('{"seq":7,"kind":"host","ref":"h","new":1}')).toEqual({ kind: "host", ref: "h" });
});
