/** Selectors behind the numbers of the overview: each names exactly the hosts that its number counts. */
export const only = {
  pending: "host.state=pending",
  offline: "host.online=no",
  online: "host.online=yes",
  notAssessed: "host.assessed=no",
  stale: "host.metadata=stale",
  reboot: "host.reboot=yes",
  failedUnits: "host.failed-units=yes",
  security: "host.security-updates=yes",
  ended: "host.lifecycle=ended",
  updatesUnknown: "host.updates=unknown",
} as const;

/** hostsWith is the address of the hosts list with a selector, joined to the one that is already in force. */
export function hostsWith(term: string, within = ""): string {
  const selector = [within, term].filter(Boolean).join(",");
  return `/hosts?${new URLSearchParams({ selector })}`;
}
