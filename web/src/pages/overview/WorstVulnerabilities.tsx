import type { VulnRow } from "../../api/types";
import { NotAssessed } from "../../parts/Counts";
import { Exploited } from "../../parts/Exploited";
import { Empty } from "../../parts/Notes";
import { Priority } from "../../parts/Priority";
import { DataTable } from "../../table/DataTable";
import type { Column } from "../../table/columns";
import { count } from "../../format/numbers";
import { Link } from "../../url/Link";

const columns: Column<VulnRow>[] = [
  { id: "priority", header: "Priority", width: 92, cell: (row) => <Priority name={row.priority} /> },
  {
    id: "id",
    header: "Vulnerability",
    width: 140,
    cell: (row) => (
      <Link className="name" to={`/vulnerabilities/${encodeURIComponent(row.id)}`}>
        {row.id}
      </Link>
    ),
  },
  { id: "sources", header: "Sources", title: (row) => row.sources.join(", "), cell: (row) => row.sources.join(", ") },
  { id: "kev", header: "Exploited", width: 104, cell: (row) => <Exploited kev={row.kev} /> },
  { id: "hosts", header: "Hosts", width: 56, right: true, cell: (row) => count(row.hosts) },
];

interface Props {
  rows: VulnRow[];
  assessed: boolean;
  reason: string | undefined;
}

export function WorstVulnerabilities({ rows, assessed, reason }: Props) {
  if (!assessed) return <NotAssessed reason={reason} />;
  return (
    <DataTable
      natural
      label="Worst vulnerabilities"
      columns={columns}
      rows={rows}
      rowKey={(row) => row.id}
      minWidth={430}
      empty={<Empty title="None found on the hosts that were assessed." />}
    />
  );
}
