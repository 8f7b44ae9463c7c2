import type { Host } from "../../api/types";
import { Age } from "../../parts/Age";
import { State } from "../../parts/State";

/** Presence is whether a host talks to us, and since when it does not. */
export function Presence({ host }: { host: Host }) {
  if (host.state === "revoked") return <State tone="locked">revoked</State>;
  if (host.online) return <State tone="online">online</State>;
  return (
    <State tone="offline">
      <Age at={host.last_seen} never="never seen" />
    </State>
  );
}
