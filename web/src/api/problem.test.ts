import { describe, expect, test } from "vitest";
import { messageOf, problemOf, sentence } from "./problem";

describe("problemOf", () => {
  test("prefers the detail", () => {
    expect(problemOf(409, { title: "Conflict", detail: "two hosts are named web" }).message).toBe("two hosts are named web");
  });
  test("gives each field its message", () => {
    const problem = problemOf(422, {
      detail: "validation failed",
      errors: [{ location: "body.new", message: "expected length >= 12" }, null, { message: 7 }],
    });
    expect(problem.fields).toEqual({ new: "expected length >= 12" });
    expect(problem.message).toBe("new: expected length >= 12");
  });
  test.each([undefined, null, "<html>", 7, {}, { errors: "x" }])("survives the body %j", (body) => {
    expect(problemOf(503, body).message).toContain("starting or overloaded");
    expect(problemOf(418, body).message).toContain("418");
  });
});

test("a message is a sentence once", () => {
  expect(sentence("no host %q")).toBe("No host %q.");
  expect(sentence("Done.")).toBe("Done.");
  expect(messageOf("not an error")).toBe("Something went wrong.");
});
