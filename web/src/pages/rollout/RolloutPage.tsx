import { Button } from "@mantine/core";
import { IconBan } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useParams } from "react-router";
import { api, must } from "../../api/client";
import { rolloutQuery } from "../../api/patch";
import { sentence, stopped } from "../../api/problem";
import type { Rollout } from "../../api/types";
import { who } from "../../format/actors";
import { counted } from "../../format/numbers";
import { Age } from "../../parts/Age";
import { Confirm } from "../../parts/Confirm";
import { Failure, Note } from "../../parts/Notes";
import { Page } from "../../parts/Page";
import { inFlight, RolloutState } from "../../parts/PatchState";
import { RunBar } from "../../parts/RunBar";
import { useUrlState } from "../../url/useUrlState";
import { Link } from "../../url/Link";
import { HostGrid } from "./HostGrid";
import { RunDrawer } from "./RunDrawer";
import { StateTallies } from "./StateTallies";

const defaults = { state: "", q: "", run: "" };

/** RolloutPage is a rollout as it goes: every host by its state, why it waits, and one host's run in a drawer. */
export function RolloutPage() {
  const { rollout: id = "" } = useParams();
  const query = useQuery(rolloutQuery(id));
  const [{ state, q, run }, set] = useUrlState(defaults);
  const rollout = query.data;
  return (
    <Page title="Rollout" aside={rollout && <Aside rollout={rollout} />} actions={rollout && <Abort rollout={rollout} />}>
      {query.error && <Failure error={query.error} retry={() => void query.refetch()} />}
      {rollout && (
        <>
          <Notes rollout={rollout} />
          <div role="status" className="row wrap">
            <span className="num">{sentence(rollout.summary)}</span>
            <span className="grow">
              <RunBar counts={rollout.counts} hosts={rollout.runs.length} />
            </span>
          </div>
          <StateTallies rollout={rollout} state={state} pick={(next) => set({ state: next })} />
          <HostGrid runs={rollout.runs} state={state} q={q} search={(next) => set({ q: next }, { replace: true })} open={(next) => set({ run: next })} />
        </>
      )}
      {!rollout && !query.error && <span className="muted">Loading …</span>}
      {run && <RunDrawer key={run} id={run} close={() => set({ run: "" })} />}
    </Page>
  );
}

function Aside({ rollout }: { rollout: Rollout }) {
  return (
    <>
      <RolloutState name={rollout.state} />
      <span>
        of <Link to={`/plans/${encodeURIComponent(rollout.plan)}`}>its plan</Link>
      </span>
      <Age at={rollout.started_at} prefix={`started by ${who(rollout.started_by)}`} />
      {rollout.ended_at && <Age at={rollout.ended_at} prefix="ended" />}
      <span className="num">at most {counted(rollout.max_concurrent, "host")} at work</span>
    </>
  );
}

function Notes({ rollout }: { rollout: Rollout }) {
  const atWork = rollout.runs.filter(({ state }) => inFlight(state)).length;
  const waiting = rollout.runs.filter(({ state }) => state === "pending").length;
  if (rollout.state === "halted") {
    return (
      <Note tone="bad">
        <b>Halted{rollout.reason ? `: ${stopped(rollout.reason)}` : "."}</b> No further host is begun
        {atWork > 0 ? `; ${counted(atWork, "host")} at work will finish` : ""}.{" "}
        {waiting > 0 && `${counted(waiting, "host")} ${waiting === 1 ? "was" : "were"} not touched. `}
        Look at what failed, then abort this rollout; a new plan takes up the hosts that are left.
      </Note>
    );
  }
  if (rollout.state === "aborting") return <Note tone="warn">Aborting: nothing new is begun, and {counted(atWork, "host")} at work will finish.</Note>;
  if (rollout.state === "aborted") return <Note tone="info">Aborted{rollout.reason ? `: ${stopped(rollout.reason)}` : "."}</Note>;
  return null;
}

function Abort({ rollout }: { rollout: Rollout }) {
  const client = useQueryClient();
  const [ask, setAsk] = useState(false);
  if (rollout.state !== "running" && rollout.state !== "halted") return null;
  const atWork = rollout.runs.filter(({ state }) => inFlight(state)).length;
  const waiting = rollout.runs.filter(({ state }) => state === "pending").length;
  return (
    <>
      <Button variant="default" leftSection={<IconBan size={14} />} onClick={() => setAsk(true)}>
        Abort …
      </Button>
      {ask && (
        <Confirm
          title="Abort this rollout?"
          verb="Abort"
          keep={rollout.state === "running" ? "Let it go on" : "Not yet"}
          close={() => setAsk(false)}
          run={() => must(api.POST("/api/v1/rollouts/{rollout}/abort", { params: { path: { rollout: rollout.id } } }))}
          done={() => void client.invalidateQueries({ queryKey: ["rollout", rollout.id] })}
        >
          <div className="stack">
            <p>
              {waiting > 0 ? `The ${counted(waiting, "host")} that wait will not be begun.` : "No host waits."}{" "}
              {atWork > 0
                ? `The ${counted(atWork, "host")} at work will finish: a package manager is never interrupted, because that is what breaks hosts.`
                : "No host is at work."}
            </p>
            <p>What was installed stays installed; nothing is rolled back. An aborted rollout cannot be taken up again, but its plan can be started anew.</p>
          </div>
        </Confirm>
      )}
    </>
  );
}
