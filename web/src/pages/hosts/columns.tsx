import type { Host } from "../../api/types";
import { shortSystem } from "../../format/numbers";
import { Age } from "../../parts/Age";
import { Count, NotAssessed, NotKnown } from "../../parts/Counts";
import { Labels } from "../../parts/Labels";
import { State } from "../../parts/State";
import type { Column } from "../../table/columns";
import { Link } from "../../url/Link";
import { ApproveButton } from "./ApproveButton";
import { Presence } from "./Presence";

export const hostSorts = ["name", "last_seen", "urgent", "high", "findings", "security", "updates", "metadata", "os"];


/**
 * hostColumns are the columns of the hosts list. A pending host has one sentence instead of numbers, and the way out. Of the past, what
 * has no history is a dash.
 */
export function hostColumns(pick: (term: string) => void, past: boolean): Column<Host>[] {
  const pending = (host: Host) => host.state === "pending" && !past;
  return [
    {
      id: "name",
      header: "Host",
      sort: true,
      width: 160,
      title: (host) => host.name,
      cell: (host) => (
        <Link className="name" to={`/hosts/${encodeURIComponent(host.id)}`}>
          {host.name}
        </Link>
      ),
    },
    past
      ? withoutHistory({ id: "last_seen", header: "Last seen", width: 108 })
      : { id: "last_seen", header: "Last seen", sort: true, width: 108, cell: (host) => <Presence host={host} /> },
    {
      id: "urgent",
      header: "Urgent",
      sort: true,
      width: 60,
      right: true,
      span: (host) => (pending(host) ? 7 : host.findings.assessed ? 1 : 3),
      cell: (host) =>
        pending(host) ? (
          <Waiting host={host} />
        ) : host.findings.assessed ? (
          <Count n={host.findings.urgent} tone="urgent" />
        ) : (
          <NotAssessed reason={host.findings.reason} />
        ),
    },
    { id: "high", header: "High", sort: true, width: 52, right: true, cell: (host) => <Count n={host.findings.high} tone="high" /> },
    { id: "findings", header: "Findings", sort: true, width: 72, right: true, cell: (host) => <Count n={host.findings.total} /> },
    {
      id: "security",
      header: "Security",
      sort: true,
      width: 76,
      right: true,
      span: (host) => (host.updates.known ? 1 : 2),
      title: (host) => (host.updates.known ? "Security updates that its package manager would install now" : host.updates.problem),
      cell: (host) => (host.updates.known ? <Count n={host.updates.security} tone="high" /> : <NotKnown reason={host.updates.problem} />),
    },
    { id: "updates", header: "Updates", sort: true, width: 76, right: true, cell: (host) => <Count n={host.updates.installable} /> },
    past
      ? withoutHistory({ id: "metadata", header: "Lists as of", width: 108 })
      : { id: "metadata", header: "Lists as of", sort: true, width: 108, cell: (host) => <Metadata host={host} /> },
    { id: "reboot", header: "Reboot", width: 92, cell: (host) => host.reboot_required && <State tone="warn">required</State> },
    { id: "os", header: "System", sort: true, width: 128, title: (host) => host.os, cell: (host) => <System host={host} /> },
    { id: "labels", header: "Labels", cell: (host) => <Labels labels={host.labels} onPick={pick} /> },
  ];
}

const withoutHistory = (column: { id: string; header: string; width: number }): Column<Host> => ({
  ...column,
  title: () => "Has no history: it is only known of now",
  cell: () => <span className="muted">–</span>,
});

function System({ host }: { host: Host }) {
  const name = shortSystem(host.os);
  if (!name) return <span className="muted">not reported</span>;
  if (host.lifecycle.state !== "ended") return name;
  return (
    <State tone="bad" title={`${host.os}: ended${host.lifecycle.until ? ` on ${host.lifecycle.until}` : ""}`}>
      {name}
    </State>
  );
}

function Waiting({ host }: { host: Host }) {
  return (
    <span className="row">
      <State tone="waiting">waits for approval: nothing is known about it</State>
      <ApproveButton host={host} />
    </span>
  );
}

function Metadata({ host }: { host: Host }) {
  if (!host.metadata.stale) return <Age at={host.metadata.as_of} />;
  return (
    <State tone="warn" title={host.metadata.reason}>
      {host.metadata.as_of ? <Age at={host.metadata.as_of} /> : "never"}
    </State>
  );
}
