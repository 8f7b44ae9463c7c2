import { describe, expect, test } from "vitest";
import { readSort, readState, writeSort, writeState } from "./urlState";

const defaults = { q: "", sort: "name", selector: "" };

describe("state in the address", () => {
  test("what is written is read", () => {
    const params = writeState(new URLSearchParams(), defaults, { q: "a&b=c", selector: "env in (a,b),!x" });
    expect(readState(new URLSearchParams(params.toString()), defaults)).toEqual({
      q: "a&b=c",
      sort: "name",
      selector: "env in (a,b),!x",
    });
  });
  test("one view has one address, whatever the order of clicks", () => {
    const one = writeState(writeState(new URLSearchParams(), defaults, { q: "x" }), defaults, { sort: "-os" });
    const other = writeState(writeState(new URLSearchParams(), defaults, { sort: "-os" }), defaults, { q: "x" });
    expect(one.toString()).toBe(other.toString());
  });
  test("a default leaves the address", () => {
    const params = writeState(new URLSearchParams("q=x&sort=-os"), defaults, { sort: "name", q: "" });
    expect(params.toString()).toBe("");
  });
  test("what belongs to others stays", () => {
    expect(writeState(new URLSearchParams("tab=updates"), defaults, { q: "x" }).get("tab")).toBe("updates");
  });
});

describe("sort", () => {
  test.each(["name", "-findings"])("%s is read and written alike", (text) => {
    expect(writeSort(readSort(text, ["name", "findings"], "name"))).toBe(text);
  });
  test.each(["", "-", "password", "-__proto__"])("%j falls back", (text) => {
    expect(readSort(text, ["name", "findings"], "-findings")).toEqual({ key: "findings", desc: true });
  });
});
