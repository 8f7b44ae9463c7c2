import { useMemo, useState } from "react";
import type { MetadataTime, Repository } from "../../api/types";
import { Age } from "../../parts/Age";
import { Empty } from "../../parts/Notes";
import { State } from "../../parts/State";
import { DataTable } from "../../table/DataTable";
import type { Column } from "../../table/columns";

type Row = Repository & { metadata: MetadataTime | undefined; expired: boolean };

const columns: Column<Row>[] = [
  { id: "uri", header: "Address", mono: true, title: (row) => row.uri, cell: (row) => row.uri },
  { id: "suite", header: "Suite", width: 170, title: (row) => row.suite, cell: (row) => row.suite },
  { id: "components", header: "Components", width: 130, title: (row) => row.components.join(" "), cell: (row) => row.components.join(" ") },
  { id: "origin", header: "Origin", width: 100, cell: (row) => row.origin || <span className="muted">not known</span> },
  { id: "released", header: "Published", width: 104, cell: (row) => <Age at={row.metadata?.released} never="not known" /> },
  { id: "fetched", header: "Fetched", width: 104, cell: (row) => <Age at={row.metadata?.fetched_at} /> },
  { id: "state", header: "State", width: 200, title: problem, cell: (row) => <RepositoryState row={row} /> },
];

function problem(row: Row): string | undefined {
  return row.problem || row.metadata?.error;
}

export function RepositoryList({ repositories, metadata }: { repositories: Repository[]; metadata: readonly MetadataTime[] }) {
  const [now] = useState(() => Date.now());
  const rows = useMemo(() => {
    const byId = new Map(metadata.map((time) => [time.repository, time]));
    return repositories.map((repository) => {
      const times = byId.get(repository.id);
      return { ...repository, metadata: times, expired: times?.valid_until !== undefined && Date.parse(times.valid_until) < now };
    });
  }, [repositories, metadata, now]);
  return (
    <DataTable
      natural
      label="Repositories"
      columns={columns}
      rows={rows}
      rowKey={(row) => row.id}
      minWidth={960}
      empty={<Empty title="None reported." />}
    />
  );
}

function RepositoryState({ row }: { row: Row }) {
  const why = problem(row);
  if (why) return <State tone="bad">{why}</State>;
  if (row.expired) {
    return (
      <State tone="warn">
        <Age at={row.metadata?.valid_until} prefix="expired" />
      </State>
    );
  }
  return row.metadata ? <State tone="ok">readable</State> : <State tone="unknown">no lists fetched</State>;
}
