import { Select } from "@mantine/core";
import { useMemo } from "react";
import type { Plan, PlanHost } from "../../api/types";
import { counted } from "../../format/numbers";
import { Search } from "../../parts/Fields";
import { Empty } from "../../parts/Notes";
import { PlanHostState } from "../../parts/PatchState";
import { DataTable } from "../../table/DataTable";
import type { Column } from "../../table/columns";
import { readSort, writeSort } from "../../url/urlState";
import { useUrlState } from "../../url/useUrlState";
import { Link } from "../../url/Link";

const defaults = { q: "", sort: "host", state: "" };
const states = ["refused", "not simulated", "simulated", "nothing to do", "waiting"];
const options = [{ value: "", label: "every state" }, ...states.map((value) => ({ value, label: value === "simulated" ? "would change" : value }))];

const columns: Column<PlanHost>[] = [
  {
    id: "host",
    header: "Host",
    width: 190,
    sort: (h) => h.host,
    title: (h) => h.host,
    cell: (h) => (
      <Link className="name" to={`/hosts/${encodeURIComponent(h.host_id)}`}>
        {h.host}
      </Link>
    ),
  },
  { id: "state", header: "State", width: 140, sort: (h) => states.indexOf(h.state), cell: (h) => <PlanHostState name={h.state} /> },
  { id: "reason", header: "Why", sort: (h) => h.reason ?? "", title: (h) => h.reason, cell: (h) => h.reason || <span className="muted">–</span> },
  { id: "cohort", header: "Lock", mono: true, width: 130, title: (h) => h.cohort, cell: (h) => h.cohort?.slice(0, 12) },
];

/** PlanHosts is every host that was named, and why those that take no part do not. */
export function PlanHosts({ plan }: { plan: Plan }) {
  const [{ q, sort: sortText, state }, set] = useUrlState(defaults);
  const sort = readSort(sortText, ["host", "state", "reason"], defaults.sort);
  const rows = useMemo(() => {
    const wanted = q.toLowerCase();
    return plan.hosts.filter((h) => (!state || h.state === state) && `${h.host} ${h.reason ?? ""}`.toLowerCase().includes(wanted));
  }, [plan.hosts, q, state]);
  return (
    <>
      <div className="filters">
        <Search label="Search hosts" placeholder="Host, reason" value={q} onChange={(value) => set({ q: value }, { replace: true })} />
        <Select aria-label="State" data={options} value={states.includes(state) ? state : ""} allowDeselect={false} onChange={(value) => set({ state: value ?? "" })} />
        <span className="row muted num">{counted(rows.length, "host")}</span>
      </div>
      <DataTable
        label="Hosts of the plan"
        columns={columns}
        rows={rows}
        rowKey={(h) => h.host_id}
        sort={sort}
        onSort={(next) => set({ sort: writeSort(next) })}
        minWidth={820}
        empty={<Empty title="No host matches." />}
      />
    </>
  );
}
