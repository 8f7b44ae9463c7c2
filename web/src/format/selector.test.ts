import { describe, expect, test } from "vitest";
import { joinTerms, labelText, parseLabels, terms, withTerm, withoutTerm } from "./selector";

describe("terms", () => {
  test.each([
    ["", []],
    [" , ,", []],
    ["env=prod", ["env=prod"]],
    ["env=prod, role in (web,api),!old", ["env=prod", "role in (web,api)", "!old"]],
    ["role in (web,api", ["role in (web,api"]],
    ["a),b", ["a)", "b"]],
  ])("%j", (text, want) => expect(terms(text)).toEqual(want));

  test("splitting what was joined gives the same terms", () => {
    const list = ["env=prod", "role notin (a,b)", "!x", "host.name=a"];
    expect(terms(joinTerms(list))).toEqual(list);
  });
});

test("a term is added once and can be dropped", () => {
  const both = withTerm(withTerm("env=prod", "!old"), "!old");
  expect(both).toBe("env=prod,!old");
  expect(withoutTerm(both, "env=prod")).toBe("!old");
});

describe("labels", () => {
  test("are read and written alike", () => {
    const { labels, problem } = parseLabels("role=web, env=prod\nempty=");
    expect(problem).toBeUndefined();
    expect(labelText(labels)).toBe("empty=,env=prod,role=web");
  });
  test("without a key are refused by name", () => {
    expect(parseLabels("=x").problem).toContain("=x");
    expect(parseLabels("prod").problem).toContain("prod");
  });
  test("given twice are refused", () => expect(parseLabels("a=1,a=2").problem).toContain("twice"));
  test("named like a method of objects are labels like any other", () => {
    expect(parseLabels("constructor=1").labels).toEqual({ constructor: "1" });
  });
});
