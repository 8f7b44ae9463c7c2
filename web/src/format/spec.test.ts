import { expect, test } from "vitest";
import type { CreatePlan } from "../api/types";
import { names, specOf, valuesOf } from "./spec";

const whole: CreatePlan = {
  selector: "env=prod,role in (web,api)",
  security: true,
  packages: ["openssl", "libssl*"],
  exclude: ["linux-image-*"],
  fixes: ["CVE-2026-1234"],
  allow_removals: true,
  allow_new: true,
  reboot: "if-required",
};

test.each([
  ["everything", whole],
  ["nothing but the default", { reboot: "never" } as CreatePlan],
  ["one vulnerability", { fixes: ["CVE-2026-1234"], reboot: "never" } as CreatePlan],
])("a form gives back %s", (_, spec) => expect(specOf(valuesOf(spec))).toEqual(spec));

test("an unknown reboot is never", () => expect(specOf({ ...valuesOf({}), reboot: "always" }).reboot).toBe("never"));

test.each([
  ["", []],
  [" , ,", []],
  ["curl", ["curl"]],
  ["curl, libcurl4\n curl", ["curl", "libcurl4"]],
])("names of %j", (text, want) => expect(names(text)).toEqual(want));
