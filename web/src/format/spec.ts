/** What a plan asks for: as form fields, as the wire has it, and in words. Pure. */
import type { CreatePlan } from "../api/types";

/** A spec as the fields of a form hold it: lists are text, with commas between the names. */
export interface SpecValues {
  selector: string;
  scope: string;
  packages: string;
  exclude: string;
  fixes: string;
  removals: boolean;
  added: boolean;
  reboot: string;
}

export function valuesOf(spec: CreatePlan): SpecValues {
  const list = (of: string[] | undefined) => (of ?? []).join(", ");
  return {
    selector: spec.selector ?? "",
    scope: spec.security ? "security" : "all",
    packages: list(spec.packages),
    exclude: list(spec.exclude),
    fixes: list(spec.fixes),
    removals: spec.allow_removals ?? false,
    added: spec.allow_new ?? false,
    reboot: spec.reboot ?? "never",
  };
}

/** specOf leaves out what is empty, so that one wish has one form. */
export function specOf(values: SpecValues): CreatePlan {
  const spec: CreatePlan = { reboot: values.reboot === "if-required" ? "if-required" : "never" };
  const selector = values.selector.trim();
  if (selector) spec.selector = selector;
  if (values.scope === "security") spec.security = true;
  for (const key of ["packages", "exclude", "fixes"] as const) {
    const list = names(values[key]);
    if (list.length > 0) spec[key] = list;
  }
  if (values.removals) spec.allow_removals = true;
  if (values.added) spec.allow_new = true;
  return spec;
}

/** names reads names that commas or blanks keep apart; each counts once. */
export function names(text: string): string[] {
  return [...new Set(text.split(/[\s,]+/).filter(Boolean))];
}

/** hostTerm is the selector that names a host. Hosts may share a name: the preview lists all that it found. */
export function hostTerm(name: string): string {
  return `host.name=${name}`;
}
