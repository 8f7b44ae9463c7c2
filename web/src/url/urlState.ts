/**
 * The state of a view is in its address, so that a link shows what its sender saw. Pure here; useUrlState binds it to the router.
 * Values that equal their default are left out, and the keys are in a fixed order: one view, one address.
 */

export type Values = Record<string, string>;

/** readState takes the known keys from an address; what is not there has its default, what is not known is not read. */
export function readState<T extends Values>(params: URLSearchParams, defaults: T): T {
  const state: Values = {};
  for (const key of Object.keys(defaults)) {
    state[key] = params.get(key) ?? defaults[key] ?? "";
  }
  return state as T;
}

/** writeState lays changes over an address. Keys that are no part of this view are kept, as a tab beside a filter. */
export function writeState<T extends Values>(params: URLSearchParams, defaults: T, change: Partial<T>): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const [key, value] of Object.entries(change)) {
    if (value === undefined || value === defaults[key]) next.delete(key);
    else next.set(key, value);
  }
  next.sort();
  return next;
}

export interface Sort {
  key: string;
  desc: boolean;
}

/** readSort reads "-findings" as findings, descending. Names outside the list fall back, since addresses come from anywhere. */
export function readSort(text: string, allowed: readonly string[], fallback: string): Sort {
  const wanted = allowed.includes(text.replace(/^-/, "")) ? text : fallback;
  return { key: wanted.replace(/^-/, ""), desc: wanted.startsWith("-") };
}

export function writeSort({ key, desc }: Sort): string {
  return desc ? `-${key}` : key;
}
