import type { MetricsRow, Spread } from "../../api/types";
import { inDays, percent } from "../../format/days";
import { count } from "../../format/numbers";
import { Count } from "../../parts/Counts";
import { Priority } from "../../parts/Priority";
import type { Column } from "../../table/columns";

/** spread is the two columns of a length of time, of which there may be none. */
function spread(id: string, name: string, of: (row: MetricsRow) => Spread | undefined, none: string): Column<MetricsRow>[] {
  return [
    {
      id: `${id}-median`,
      header: `${name}, median`,
      right: true,
      title: (row) => longest(of(row)) ?? none,
      cell: (row) => <Length days={of(row)?.median} none={none} />,
    },
    { id: `${id}-p90`, header: "90 % within", width: 92, right: true, title: (row) => longest(of(row)) ?? none, cell: (row) => <Length days={of(row)?.p90} none="–" /> },
  ];
}

export const metricsColumns: Column<MetricsRow>[] = [
  { id: "priority", header: "Priority", width: 84, cell: (row) => (row.priority === "all" ? <b>all</b> : <Priority name={row.priority} />) },
  { id: "opened", header: "Opened", width: 70, right: true, cell: (row) => <Count n={row.opened} /> },
  { id: "fixed", header: "Fixed", width: 64, right: true, cell: (row) => <Count n={row.fixed} /> },
  { id: "open", header: "Open", width: 64, right: true, cell: (row) => <Count n={row.open} /> },
  ...spread("patch", "Time to patch", (row) => row.time_to_patch, "none fixed"),
  ...spread("age", "Open age", (row) => row.open_age, "none open"),
  { id: "exposure", header: "Exposure days", width: 112, right: true, cell: (row) => <Length days={row.exposure_days} /> },
  { id: "due", header: "Due", width: 60, right: true, cell: (row) => <Count n={row.due} /> },
  {
    id: "in-time",
    header: "In time",
    width: 132,
    right: true,
    title: (row) => (row.due > 0 ? `${count(row.in_time)} of ${count(row.due)} that were due` : "None had to be fixed by a date in the period"),
    cell: (row) => <InTime row={row} />,
  },
];

function Length({ days, none }: { days: number | undefined; none?: string }) {
  if (days === undefined) return <span className="muted">{none ?? "–"}</span>;
  return <span className="num">{inDays(days, none !== undefined)}</span>;
}

function InTime({ row }: { row: MetricsRow }) {
  const share = percent(row.percent_in_time);
  if (share === undefined) return <span className="muted">none was due</span>;
  return (
    <span className="num">
      <b className={row.in_time < row.due ? "high" : undefined}>{share}</b> <span className="muted">{`${count(row.in_time)} of ${count(row.due)}`}</span>
    </span>
  );
}

function longest(s: Spread | undefined): string | undefined {
  return s && `median ${inDays(s.median, true)}, mean ${inDays(s.mean, true)}, longest ${inDays(s.longest, true)}`;
}
