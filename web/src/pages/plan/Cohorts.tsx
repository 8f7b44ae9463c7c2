import { useMemo } from "react";
import type { LockChange, Plan, PlanCohort, PlanHost } from "../../api/types";
import { bytes, count, counted } from "../../format/numbers";
import { Action } from "../../parts/Action";
import { Empty } from "../../parts/Notes";
import { State } from "../../parts/State";
import { DataTable } from "../../table/DataTable";
import type { Column } from "../../table/columns";
import { Link } from "../../url/Link";

const most = 60;

/** Cohorts is the hosts in groups that would do exactly the same: the same versions, the same bytes. Each opens to its lock. */
export function Cohorts({ plan }: { plan: Plan }) {
  const hosts = useMemo(() => byCohort(plan.hosts), [plan.hosts]);
  const columns = useMemo(() => cohortColumns(hosts), [hosts]);
  return (
    <DataTable
      label="Cohorts"
      columns={columns}
      rows={plan.cohorts}
      rowKey={(cohort) => cohort.lock}
      minWidth={900}
      expand={(cohort) => <Lock cohort={cohort} hosts={hosts.get(cohort.lock) ?? []} />}
      empty={<Empty title={plan.state === "simulating" ? "Known when the hosts have answered." : "No host would change."} />}
    />
  );
}

function byCohort(hosts: PlanHost[]): Map<string, PlanHost[]> {
  const groups = new Map<string, PlanHost[]>();
  for (const host of hosts) {
    if (!host.cohort) continue;
    const group = groups.get(host.cohort);
    if (group) group.push(host);
    else groups.set(host.cohort, [host]);
  }
  return groups;
}

function cohortColumns(hosts: Map<string, PlanHost[]>): Column<PlanCohort>[] {
  const named = (cohort: PlanCohort) => (hosts.get(cohort.lock) ?? []).map(({ host }) => host);
  const actions = (cohort: PlanCohort, action: string) => cohort.changes.filter((change) => change.action === action).length;
  return [
    { id: "lock", header: "Lock", mono: true, width: 150, title: (c) => c.lock, cell: (c) => c.lock.slice(0, 12) },
    { id: "hosts", header: "Hosts", width: 64, right: true, cell: (c) => count(c.hosts) },
    { id: "names", header: "Which", title: (c) => named(c).slice(0, 100).join(", "), cell: (c) => named(c).slice(0, 20).join(", ") },
    { id: "upgrades", header: "Upgrades", width: 80, right: true, cell: (c) => count(actions(c, "upgrade")) },
    { id: "new", header: "New", width: 60, right: true, cell: (c) => <Loud n={actions(c, "install")} tone="high" /> },
    { id: "removed", header: "Removed", width: 78, right: true, cell: (c) => <Loud n={actions(c, "remove")} tone="urgent" /> },
    { id: "download", header: "Each downloads", width: 112, right: true, cell: (c) => bytes(c.download) },
    { id: "reboot", header: "Reboot", width: 100, cell: (c) => c.reboot && <State tone="warn">expected</State> },
  ];
}

function Loud({ n, tone }: { n: number; tone: string }) {
  return n > 0 ? <b className={tone}>{count(n)}</b> : <span className="muted">0</span>;
}

const lockColumns: Column<LockChange>[] = [
  { id: "name", header: "Package", width: 190, title: (c) => `${c.name} ${c.arch}`, cell: (c) => `${c.name} ${c.arch}` },
  { id: "action", header: "Action", width: 88, cell: (c) => <Action name={c.action} /> },
  { id: "from", header: "From", mono: true, title: (c) => c.from, cell: (c) => c.from || <span className="muted">none</span> },
  { id: "to", header: "Exactly", mono: true, title: (c) => c.to, cell: (c) => c.to || <span className="muted">removed</span> },
  { id: "sha256", header: "sha256", mono: true, width: 150, title: (c) => c.sha256, cell: (c) => c.sha256?.slice(0, 16) },
  { id: "size", header: "Size", width: 72, right: true, cell: (c) => c.size !== undefined && bytes(c.size) },
  { id: "archive", header: "From archive", width: 130, title: (c) => `${c.origin ?? ""} ${c.archive ?? ""}`, cell: (c) => c.archive },
];

function Lock({ cohort, hosts }: { cohort: PlanCohort; hosts: PlanHost[] }) {
  return (
    <div className="stack">
      <p className="break">
        <span className="muted">Lock</span> <span className="mono">{cohort.lock}</span>
      </p>
      <p className="row wrap">
        <span className="muted">{counted(hosts.length, "host")}:</span>
        {hosts.slice(0, most).map((host) => (
          <Link key={host.host_id} to={`/hosts/${encodeURIComponent(host.host_id)}`}>
            {host.host}
          </Link>
        ))}
        {hosts.length > most && <span className="muted">and {count(hosts.length - most)} more</span>}
      </p>
      {cohort.restarts.length > 0 && <p className="prose">Expected to be restarted: {cohort.restarts.join(", ")}</p>}
      <DataTable natural label="Lock" columns={lockColumns} rows={cohort.changes} rowKey={(c) => `${c.name} ${c.arch}`} minWidth={860} empty={null} />
    </div>
  );
}
