import { expect, test } from "vitest";
import { lifecycleWords } from "./Lifecycle";

test("says how a release is looked after, until when, and what that needs", () => {
  expect(lifecycleWords({ state: "supported", until: "2028-08-09" })).toBe("supported until 2028-08-09");
  expect(lifecycleWords({ state: "supported" })).toBe("supported");
  expect(lifecycleWords({ state: "extended", until: "2032-04-21", entitlement_needed: "esm-infra" })).toBe("extended until 2032-04-21, which needs esm-infra");
  expect(lifecycleWords({ state: "ended", until: "2024-06-30" })).toBe("ended on 2024-06-30");
  expect(lifecycleWords({ state: "unknown" })).toBe("unknown");
});
