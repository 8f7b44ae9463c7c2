import type { Line } from "../../format/compliance";
import { who } from "../../format/actors";
import { Age } from "../../parts/Age";
import { Priority, priorities } from "../../parts/Priority";
import { State } from "../../parts/State";
import type { Column } from "../../table/columns";
import { Link } from "../../url/Link";

const found = (line: Line) => line.open ?? line.fixed;
const tones = { open: "warn", fixed: "ok", none: "ok", "not assessed": "unknown" } as const;
const silent = (line: Line) => found(line) === undefined;

/** A line without a finding has one sentence instead of its cells. */
export const reportColumns: Column<Line>[] = [
  {
    id: "host",
    header: "Host",
    width: 116,
    sort: ({ host }) => host.host,
    title: ({ host }) => host.host,
    cell: ({ host }) => (
      <Link className="name" to={`/hosts/${encodeURIComponent(host.host_id)}`}>
        {host.host}
      </Link>
    ),
  },
  {
    id: "status",
    header: "Status",
    width: 72,
    sort: ({ status }) => status,
    span: (line) => (silent(line) ? 9 : 1),
    title: ({ host }) => host.reason,
    cell: ({ host, status }) => (
      <State tone={tones[status]}>
        {status === "none" ? "nothing open, nothing fixed" : status}
        {status === "not assessed" && host.reason ? `: ${host.reason}` : ""}
      </State>
    ),
  },
  { id: "priority", header: "Priority", width: 84, sort: (l) => priorities.indexOf(found(l)?.priority ?? "lowest"), cell: (l) => <Priority name={found(l)?.priority ?? ""} /> },
  {
    id: "vulnerability",
    header: "Vulnerability",
    width: 128,
    sort: (l) => found(l)?.vulnerability ?? "",
    title: (l) => found(l)?.advisory,
    cell: (l) => <Link to={`/vulnerabilities/${encodeURIComponent(found(l)?.vulnerability ?? "")}`}>{found(l)?.vulnerability}</Link>,
  },
  { id: "source", header: "Source", width: 90, sort: (l) => found(l)?.source ?? "", title: (l) => found(l)?.packages.join(", "), cell: (l) => found(l)?.source },
  {
    id: "versions",
    header: "Versions",
    mono: true,
    title: (l) => versions(l),
    cell: (l) => versions(l),
  },
  { id: "since", header: "Open since", width: 84, sort: (l) => found(l)?.since ?? "", title: (l) => found(l)?.since_why, cell: (l) => <Age at={found(l)?.since} /> },
  { id: "fixed_at", header: "Fixed", width: 82, sort: (l) => l.fixed?.fixed_at ?? "", cell: (l) => <Age at={l.fixed?.fixed_at} never="not yet" /> },
  { id: "by", header: "Fixed by", width: 104, sort: (l) => l.fixed?.rollout ?? l.fixed?.by ?? "", title: by, cell: (l) => <By line={l} /> },
  { id: "approved", header: "Approved by", width: 96, title: approvers, cell: (l) => approvers(l) || <span className="muted">–</span> },
];

export const reportSorts = reportColumns.filter((column) => column.sort).map((column) => column.id);

function versions({ open, fixed }: Line): string {
  if (open) return open.fixed_in ? `${open.installed} → ${open.fixed_in}` : `${open.installed}, no fix is known`;
  return fixed ? `${fixed.from} → ${fixed.to || "removed"}` : "";
}

function approvers({ fixed }: Line): string {
  return (fixed?.approved_by ?? []).map(who).join(", ");
}

function by({ fixed }: Line): string | undefined {
  if (!fixed) return undefined;
  if (!fixed.rollout) return "Not by a rollout of this server";
  return `Rollout ${fixed.rollout}${fixed.run_state && fixed.run_state !== "succeeded" ? `; its run ended as ${fixed.run_state}` : ""}`;
}

function By({ line: { fixed } }: { line: Line }) {
  if (!fixed) return <span className="muted">–</span>;
  if (!fixed.rollout) return <span className="muted">outside Staunch</span>;
  const to = `/rollouts/${encodeURIComponent(fixed.rollout)}${fixed.run ? `?${new URLSearchParams({ run: fixed.run })}` : ""}`;
  return <Link to={to}>{fixed.run_state && fixed.run_state !== "succeeded" ? `rollout (${fixed.run_state})` : "rollout"}</Link>;
}
