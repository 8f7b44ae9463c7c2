import type { Rollout } from "../../api/types";
import { count } from "../../format/numbers";
import { RunState } from "../../parts/PatchState";

interface Props {
  rollout: Rollout;
  state: string;
  pick: (state: string) => void;
}

/** StateTallies counts hosts by state; a click shows only these, another shows all again. */
export function StateTallies({ rollout, state, pick }: Props) {
  return (
    <div className="tallies" aria-label="Hosts by state">
      {rollout.counts.map(({ name, count: n }) => (
        <button key={name} type="button" className="tally" aria-pressed={state === name} onClick={() => pick(state === name ? "" : name)}>
          <b>{count(n)}</b>
          <RunState name={name} />
        </button>
      ))}
    </div>
  );
}
