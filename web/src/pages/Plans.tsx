import { useInfiniteQuery } from "@tanstack/react-query";
import { plansQuery } from "../api/patch";
import type { PlanPage, PlanRow } from "../api/types";
import { count } from "../format/numbers";
import { who } from "../format/actors";
import { Age } from "../parts/Age";
import { Empty, Failure } from "../parts/Notes";
import { Page } from "../parts/Page";
import { PatchButton } from "../parts/PatchButton";
import { PlanState } from "../parts/PatchState";
import { DataTable } from "../table/DataTable";
import { MoreRows } from "../table/MoreRows";
import type { Column } from "../table/columns";
import { useList } from "../table/useList";
import { Link } from "../url/Link";

const itemsOf = (page: PlanPage) => page.items;

const columns: Column<PlanRow>[] = [
  {
    id: "summary",
    header: "What was asked for",
    title: (p) => p.summary,
    cell: (p) => (
      <Link className="name" to={`/plans/${encodeURIComponent(p.id)}`}>
        {p.summary}
      </Link>
    ),
  },
  { id: "state", header: "State", width: 150, cell: (p) => <PlanState name={p.state} /> },
  { id: "hosts", header: "Hosts", width: 70, right: true, cell: (p) => count(p.hosts) },
  { id: "changes", header: "Changes", width: 80, right: true, cell: (p) => (p.state === "simulating" ? <span className="muted">not yet</span> : count(p.changes)) },
  { id: "by", header: "By", width: 110, title: (p) => p.created_by, cell: (p) => who(p.created_by) },
  { id: "created", header: "Created", width: 100, cell: (p) => <Age at={p.created_at} /> },
  { id: "id", header: "Plan", mono: true, width: 236, cell: (p) => p.id },
];

/** Plans is every plan, newest first: what was asked for, and whether it waits for somebody. */
export function Plans() {
  const query = useInfiniteQuery(plansQuery);
  const list = useList(query, itemsOf);
  return (
    <Page
      fixed
      title="Plans"
      actions={
        <PatchButton primary prefill={{}}>
          Create a plan
        </PatchButton>
      }
    >
      {list.error && <Failure error={list.error} retry={() => void query.refetch()} />}
      <DataTable
        server
        label="Plans"
        columns={columns}
        rows={list.rows}
        rowKey={(p) => p.id}
        loading={list.loading}
        more={list.more}
        minWidth={1020}
        empty={
          <Empty title="No plan was created yet.">
            Create one here, or from a host, a vulnerability or the <Link to="/updates">updates</Link> of the fleet.
          </Empty>
        }
      />
      <MoreRows shown={list.rows.length} one="plan" more={list.more} />
    </Page>
  );
}
