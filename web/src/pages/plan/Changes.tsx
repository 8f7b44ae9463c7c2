import { useMemo } from "react";
import type { Plan, PlanChange } from "../../api/types";
import { count } from "../../format/numbers";
import { Action } from "../../parts/Action";
import { Search } from "../../parts/Fields";
import { Empty } from "../../parts/Notes";
import { State } from "../../parts/State";
import { DataTable } from "../../table/DataTable";
import type { Column } from "../../table/columns";
import { readSort, writeSort } from "../../url/urlState";
import { useUrlState } from "../../url/useUrlState";
import { Link } from "../../url/Link";

const defaults = { q: "", sort: "unusual" };

const columns: Column<PlanChange>[] = [
  { id: "name", header: "Package", width: 210, sort: (c) => c.name, title: (c) => c.name, cell: (c) => <b>{c.name}</b> },
  { id: "action", header: "Action", width: 92, sort: (c) => c.action, cell: (c) => <Action name={c.action} /> },
  { id: "from", header: "From", mono: true, title: (c) => c.from.join(", "), cell: (c) => c.from.join(", ") || <span className="muted">none</span> },
  { id: "to", header: "To", mono: true, title: (c) => c.to, cell: (c) => c.to || <span className="muted">removed</span> },
  { id: "security", header: "Security", width: 90, sort: (c) => Number(!c.security), cell: (c) => c.security && <State tone="warn">security</State> },
  {
    id: "fixes",
    header: "Fixes",
    sort: (c) => -c.fix_count,
    title: (c) => c.fixes.join(", "),
    cell: (c) => <Fixes change={c} />,
  },
  { id: "hosts", header: "Hosts", width: 64, right: true, sort: (c) => c.hosts, cell: (c) => count(c.hosts) },
];
const sorts = [...columns.filter((column) => column.sort).map((column) => column.id), defaults.sort];
const order: Record<string, number> = { remove: 0, install: 1 };

/** Changes is what changes over the whole plan; what is removed or added comes first unless a column is sorted by. */
export function Changes({ plan }: { plan: Plan }) {
  const [{ q, sort: sortText }, set] = useUrlState(defaults);
  const sort = readSort(sortText, sorts, defaults.sort);
  const rows = useMemo(() => {
    const wanted = q.toLowerCase();
    return plan.changes
      .filter((c) => `${c.name} ${c.to ?? ""} ${c.fixes.join(" ")}`.toLowerCase().includes(wanted))
      .toSorted((a, b) => (order[a.action] ?? 2) - (order[b.action] ?? 2));
  }, [plan.changes, q]);
  return (
    <>
      <div className="filters">
        <Search label="Search changes" placeholder="Package, version, CVE" value={q} onChange={(value) => set({ q: value }, { replace: true })} />
      </div>
      <DataTable
        label="Changes"
        columns={columns}
        rows={rows}
        rowKey={(c) => `${c.name} ${c.action} ${c.to ?? ""}`}
        {...(sort.key === defaults.sort ? {} : { sort })}
        onSort={(next) => set({ sort: writeSort(next) })}
        minWidth={980}
        empty={<Empty title={q ? "No change matches." : plan.state === "simulating" ? "Known when the hosts have answered." : "Nothing would change."} />}
      />
    </>
  );
}

function Fixes({ change: { fixes, fix_count: all } }: { change: PlanChange }) {
  if (all === 0) return <span className="muted">none known</span>;
  const shown = fixes.slice(0, 1);
  return (
    <span className="row">
      {shown.map((id) => (
        <Link key={id} to={`/vulnerabilities/${encodeURIComponent(id)}`}>
          {id}
        </Link>
      ))}
      {all > shown.length && <span className="muted num">and {all - shown.length} more</span>}
    </span>
  );
}
