import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { hostHistoryQuery } from "../../api/queries";
import type { HistoryEntry, HistoryPage, Host } from "../../api/types";
import { counted } from "../../format/numbers";
import { Empty, Failure } from "../../parts/Notes";
import { DataTable } from "../../table/DataTable";
import type { Column } from "../../table/columns";
import { useList } from "../../table/useList";
import { utc } from "../../format/time";
import { Age } from "../../parts/Age";

const itemsOf = (page: HistoryPage) => page.items;

const columns: Column<HistoryEntry>[] = [
  { id: "text", header: "What happened", title: (e) => e.text, cell: (e) => e.text },
  { id: "kind", header: "Kind", width: 150, cell: (e) => e.kind },
  { id: "actor", header: "By", width: 180, title: (e) => e.actor, cell: (e) => e.actor || <span className="muted">the host</span> },
  { id: "age", header: "Age", width: 104, cell: (e) => <Age at={e.at} /> },
  { id: "at", header: "At", width: 196, cell: (e) => <span className="num">{utc(e.at)}</span> },
];

/** HostHistory is what happened to a host, newest first; a change of packages opens to what came, went and changed. */
export function HostHistory({ host }: { host: Host }) {
  const query = useInfiniteQuery(hostHistoryQuery(host.id));
  const list = useList(query, itemsOf);
  return (
    <>
      {list.error && <Failure error={list.error} retry={() => void query.refetch()} />}
      <DataTable
        server
        label="History"
        columns={columns}
        rows={list.rows}
        rowKey={(e) => `${e.at} ${e.kind} ${e.text}`}
        loading={list.loading}
        more={list.more}
        minWidth={900}
        expand={(entry) => <Changes entry={entry} />}
        empty={<Empty title="Nothing recorded yet." />}
      />
      {list.more && (
        <div className="grid-foot">
          <Button variant="subtle" onClick={list.more}>
            Load older
          </Button>
        </div>
      )}
    </>
  );
}

function Changes({ entry }: { entry: HistoryEntry }) {
  if (entry.changes.length === 0) return <p className="prose">{entry.text}</p>;
  return (
    <div className="stack">
      <p>{counted(entry.changes.length, "package")} changed.</p>
      <table>
        <tbody>
          {entry.changes.slice(0, 500).map((change) => (
            <tr key={`${change.name} ${change.arch ?? ""} ${change.from ?? ""} ${change.to ?? ""}`}>
              <td className="changed">{change.name}</td>
              <td className="changed mono">{change.from || <span className="muted">not installed</span>}</td>
              <td className="changed mono">→ {change.to || <span className="muted">removed</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {entry.changes.length > 500 && <p className="muted">The first 500 are shown; staunch host show lists all.</p>}
    </div>
  );
}
