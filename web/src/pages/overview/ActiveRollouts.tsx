import { useInfiniteQuery } from "@tanstack/react-query";
import { rolloutsQuery } from "../../api/patch";
import { sentence, stopped } from "../../api/problem";
import type { RolloutRow } from "../../api/types";
import { Note } from "../../parts/Notes";
import { RolloutState } from "../../parts/PatchState";
import { RunBar } from "../../parts/RunBar";
import { Link } from "../../url/Link";

const tones = { running: "info", aborting: "warn", halted: "bad" } as const;

/** ActiveRollouts is what is being installed now, and what stopped and waits for a person. */
export function ActiveRollouts() {
  const { data } = useInfiniteQuery(rolloutsQuery);
  const active = (data?.pages ?? []).flatMap(({ items }) => items).filter(({ state }) => state in tones);
  return active.map((rollout) => <Active key={rollout.id} rollout={rollout} />);
}

function Active({ rollout: r }: { rollout: RolloutRow }) {
  return (
    <Note tone={tones[r.state as keyof typeof tones]}>
      <div className="row wrap">
        <Link to={`/rollouts/${encodeURIComponent(r.id)}`}>Rollout</Link>
        <RolloutState name={r.state} />
        <span className="num">{sentence(r.summary)}</span>
        {r.reason && <b>{stopped(r.reason)}</b>}
        <span className="run-bar-room">
          <RunBar counts={r.counts} hosts={r.hosts} />
        </span>
      </div>
    </Note>
  );
}
