import type { Host } from "../../api/types";
import { State, type Tone } from "../../parts/State";

const tones: Record<Host["lifecycle"]["state"], Tone> = { supported: "ok", extended: "warn", ended: "bad", unknown: "unknown" };

/** Lifecycle is how a host's release is looked after: supported until 2028-08-09. */
export function Lifecycle({ of }: { of: Host["lifecycle"] }) {
  return (
    <State tone={tones[of.state]} title={of.source ? `As ${of.source} says` : "No source speaks of this release"}>
      {lifecycleWords(of)}
    </State>
  );
}

export function lifecycleWords({ state, until, entitlement_needed: needed }: Host["lifecycle"]): string {
  const date = until ? ` ${state === "ended" ? "on" : "until"} ${until}` : "";
  return `${state}${date}${needed ? `, which needs ${needed}` : ""}`;
}
