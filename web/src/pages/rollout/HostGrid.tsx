import { useMemo } from "react";
import type { Run } from "../../api/types";
import { count, counted } from "../../format/numbers";
import { Search } from "../../parts/Fields";
import { Empty } from "../../parts/Notes";
import { Proven, RunState } from "../../parts/PatchState";

interface Props {
  runs: Run[];
  state: string;
  q: string;
  search: (q: string) => void;
  open: (run: string) => void;
}

// More cells than this are neither read nor cheap; the search and the tallies narrow them.
const most = 600;

// What a person must look at comes first, then what moves, then what waits, then what is done.
const order = ["failed", "lost", "plan_stale", "uncertain", "rebooting", "applying", "verifying", "preparing", "offered", "pending", "succeeded", "canceled"];

/** HostGrid is every host of a rollout as a cell: its state, and where it is or why it waits. */
export function HostGrid({ runs, state, q, search, open }: Props) {
  const shown = useMemo(() => {
    const wanted = q.toLowerCase();
    const rank = new Map(order.map((name, at) => [name, at]));
    return runs
      .filter((run) => (!state || run.state === state) && run.host.toLowerCase().includes(wanted))
      .toSorted((a, b) => (rank.get(a.state) ?? 0) - (rank.get(b.state) ?? 0) || a.host.localeCompare(b.host, "en", { numeric: true }));
  }, [runs, state, q]);
  return (
    <>
      <div className="filters">
        <Search label="Search hosts" placeholder="Host" value={q} onChange={search} />
        <span className="row muted num">{counted(shown.length, "host")}</span>
      </div>
      {shown.length === 0 && <Empty title="No host matches." />}
      <ul className="run-grid" aria-label="Hosts">
        {shown.slice(0, most).map((run) => (
          <li key={run.id}>
            <button type="button" className={`run-cell ${run.state}`} onClick={() => open(run.id)} title={lineOf(run)}>
              <span className="row">
                <b className="cut grow">{run.host}</b>
                {run.proven ? <Proven /> : <RunState name={run.state} />}
              </span>
              <span className="muted cut">{lineOf(run)}</span>
            </button>
          </li>
        ))}
      </ul>
      {shown.length > most && <p className="muted">{count(shown.length - most)} more: search for a host, or pick a state above.</p>}
    </>
  );
}

function lineOf(run: Run): string {
  if (run.state === "pending") return run.waiting || "waits for its turn";
  if (run.state === "succeeded") return run.proven ? "its inventory shows these versions" : "done; its inventory is to prove it";
  if (run.reason) return run.reason;
  return run.step ? `at step ${run.step}` : run.state === "offered" ? "the host has not taken it yet" : " ";
}
