import { useInfiniteQuery } from "@tanstack/react-query";
import { rolloutsQuery } from "../api/patch";
import type { RolloutPage, RolloutRow } from "../api/types";
import { who } from "../format/actors";
import { count } from "../format/numbers";
import { Age } from "../parts/Age";
import { Empty, Failure } from "../parts/Notes";
import { Page } from "../parts/Page";
import { RolloutState } from "../parts/PatchState";
import { RunBar } from "../parts/RunBar";
import { DataTable } from "../table/DataTable";
import { MoreRows } from "../table/MoreRows";
import type { Column } from "../table/columns";
import { useList } from "../table/useList";
import { Link } from "../url/Link";

const itemsOf = (page: RolloutPage) => page.items;

const columns: Column<RolloutRow>[] = [
  { id: "state", header: "State", width: 110, cell: (r) => <RolloutState name={r.state} /> },
  {
    id: "summary",
    header: "Where its hosts stand",
    title: (r) => r.summary,
    cell: (r) => (
      <Link className="name" to={`/rollouts/${encodeURIComponent(r.id)}`}>
        {r.summary}
      </Link>
    ),
  },
  { id: "bar", header: "Progress", width: 120, cell: (r) => <RunBar counts={r.counts} hosts={r.hosts} /> },
  { id: "reason", header: "Why", title: (r) => r.reason, cell: (r) => r.reason || <span className="muted">–</span> },
  { id: "hosts", header: "Hosts", width: 64, right: true, cell: (r) => count(r.hosts) },
  { id: "by", header: "By", width: 90, title: (r) => r.started_by, cell: (r) => who(r.started_by) },
  { id: "started", header: "Started", width: 96, cell: (r) => <Age at={r.started_at} /> },
  { id: "ended", header: "Ended", width: 96, cell: (r) => <Age at={r.ended_at} never="not yet" /> },
  {
    id: "plan",
    header: "Plan",
    mono: true,
    width: 110,
    title: (r) => r.plan,
    cell: (r) => <Link to={`/plans/${encodeURIComponent(r.plan)}`}>{r.plan}</Link>,
  },
];

/** Rollouts is every rollout, newest first. */
export function Rollouts() {
  const query = useInfiniteQuery(rolloutsQuery);
  const list = useList(query, itemsOf);
  return (
    <Page fixed title="Rollouts">
      {list.error && <Failure error={list.error} retry={() => void query.refetch()} />}
      <DataTable
        server
        label="Rollouts"
        columns={columns}
        rows={list.rows}
        rowKey={(r) => r.id}
        loading={list.loading}
        more={list.more}
        minWidth={1040}
        empty={
          <Empty title="No rollout was started yet.">
            A rollout carries out an approved <Link to="/plans">plan</Link>.
          </Empty>
        }
      />
      <MoreRows shown={list.rows.length} one="rollout" more={list.more} />
    </Page>
  );
}
