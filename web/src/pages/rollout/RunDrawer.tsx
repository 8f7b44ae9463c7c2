import { Drawer } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { runQuery } from "../../api/patch";
import { sentence, stopped } from "../../api/problem";
import type { RunDetail } from "../../api/types";
import { counted } from "../../format/numbers";
import { Age } from "../../parts/Age";
import { Failure, Note } from "../../parts/Notes";
import { Facts, Section } from "../../parts/Page";
import { Proven, RunState } from "../../parts/PatchState";
import { Link } from "../../url/Link";
import { Outcome } from "./Outcome";
import { RunLog } from "./RunLog";
import { Steps } from "./Steps";

/** RunDrawer is one host's run: where it is, what it did step by step, how its packages are, and its log as it is written. */
export function RunDrawer({ id, close }: { id: string; close: () => void }) {
  const query = useQuery(runQuery(id));
  const detail = query.data;
  return (
    <Drawer opened onClose={close} title={detail ? `Run on ${detail.run.host}` : "Run"}>
      <div className="stack">
        {query.error && <Failure error={query.error} retry={() => void query.refetch()} />}
        {detail && <About detail={detail} />}
        {detail?.outcome && <Outcome outcome={detail.outcome} changes={detail.changes} />}
        {detail && detail.steps.length > 0 && (
          <Section title="Steps">
            <Steps steps={detail.steps} />
          </Section>
        )}
        {detail && <RunLog run={id} host={detail.run.host} />}
      </div>
    </Drawer>
  );
}

function About({ detail: { run, changes } }: { detail: RunDetail }) {
  const bad = run.state === "failed" || run.state === "lost" || run.state === "plan_stale";
  return (
    <>
      <div className="row wrap">
        <RunState name={run.state} />
        {run.proven && <Proven />}
        {run.waiting && <span className="muted">{sentence(run.waiting)}</span>}
      </div>
      {run.reason && <Note tone={bad ? "bad" : "info"}>{stopped(run.reason)}</Note>}
      <Facts
        of={[
          ["Host", <Link to={`/hosts/${encodeURIComponent(run.host_id)}`}>{run.host}</Link>],
          ["To install", counted(changes.length, "change")],
          ["Granted", <Age at={run.granted_at} never="not yet" />],
          ["Last word", <Age at={run.last_word} never="none yet" />],
          ["Ended", <Age at={run.ended_at} never="not yet" />],
          ["Run", <span className="mono">{run.id}{run.epoch ? `, epoch ${run.epoch}` : ""}</span>],
        ]}
      />
    </>
  );
}
