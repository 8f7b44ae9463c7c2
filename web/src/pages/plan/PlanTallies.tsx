import type { Plan } from "../../api/types";
import { bytes } from "../../format/numbers";
import { Tally } from "../../parts/Tally";

/** PlanTallies is a plan in numbers; those about hosts lead to these hosts. */
export function PlanTallies({ plan }: { plan: Plan }) {
  const of = (state: string) => plan.hosts.filter((host) => host.state === state).length;
  const hosts = (state: string) => `?${new URLSearchParams({ state, tab: "hosts" })}`;
  const packages = new Set(plan.changes.map(({ name }) => name)).size;
  return (
    <div className="tallies" aria-label="The plan in numbers">
      {plan.state === "simulating" && <Tally n={of("waiting")} label="being asked" to={hosts("waiting")} />}
      <Tally n={of("simulated")} label="would change" to={hosts("simulated")} />
      <Tally n={of("nothing to do")} label="nothing to do" to={hosts("nothing to do")} />
      <Tally n={of("refused")} label="refused" to={hosts("refused")} tone="urgent" />
      <Tally n={of("not simulated")} label="not simulated" to={hosts("not simulated")} tone="high" />
      <Tally n={packages} label={packages === 1 ? "package" : "packages"} to="?tab=changes" />
      <Tally n={plan.reboots} label={plan.spec.reboot === "if-required" ? "reboots expected" : "would need a reboot"} to="?tab=cohorts" tone="normal" />
      <Fact value={bytes(plan.download)} label="to download" />
    </div>
  );
}

function Fact({ value, label }: { value: string; label: string }) {
  return (
    <div className="tally">
      <b>{value}</b>
      <span className="muted">{label}</span>
    </div>
  );
}
