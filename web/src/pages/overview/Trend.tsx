import { SegmentedControl } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { trendQuery } from "../../api/patch";
import { clean, dayBefore, daysOf } from "../../format/days";
import type { Day } from "../../format/days";
import { count, counted } from "../../format/numbers";
import { Failure } from "../../parts/Notes";
import { Section } from "../../parts/Page";
import { Priority, priorities } from "../../parts/Priority";
import { TrendChart } from "./TrendChart";
import type { Shown } from "./TrendChart";

const span = 90;
const views = [
  { value: "hosts", label: "hosts" },
  { value: "vulnerabilities", label: "vulnerabilities" },
];

/** Trend is the whole fleet at the end of each of the last days, as it was known then. Days of which nothing is known are gaps. */
export function Trend() {
  const [view, setView] = useState<Shown>("hosts");
  const [opened] = useState(() => Date.now());
  const { data, error, refetch } = useQuery(trendQuery);
  const days = useMemo(() => (data ? daysOf(data.items, data.missing, dayBefore(opened), span) : []), [data, opened]);
  const told = days.filter(({ total }) => total !== undefined);
  return (
    <Section title={`The last ${span} days`} aside={view === "hosts" ? "hosts by their worst priority, at the end of each day, as it was known then" : "vulnerabilities by priority, at the end of each day, as it was known then"}>
      {error && <Failure error={error} retry={() => void refetch()} />}
      {data && told.length === 0 && <p className="muted">{data.missing > 0 ? `${counted(data.missing, "day")} not counted yet: it is done in the background.` : "No day is over yet since the first host was enrolled. Days show here from tomorrow on."}</p>}
      {told.length > 0 && (
        <>
          <div className="row wrap trend-head">
            <SegmentedControl aria-label="What the chart counts" data={views} value={view} onChange={(value) => setView(value === "hosts" ? "hosts" : "vulnerabilities")} />
            <Legend view={view} />
            {data && data.missing > 0 && <span className="muted">{counted(data.missing, "day")} not counted yet: it is done in the background, newest first.</span>}
          </div>
          <TrendChart days={days} view={view} />
          <details className="trend-table">
            <summary>The same as a table</summary>
            <div className="capped">
              <DayTable days={days} view={view} />
            </div>
          </details>
        </>
      )}
    </Section>
  );
}

function Legend({ view }: { view: Shown }) {
  return (
    <span className="row wrap trend-legend">
      {priorities.map((name) => (
        <span key={name} className="row tight">
          <i className={`swatch fill-${name}`} aria-hidden />
          {name}
        </span>
      ))}
      {view === "hosts" && (
        <>
          <span className="row tight">
            <i className="swatch fill-clean" aria-hidden />
            none
          </span>
          <span className="row tight">
            <i className="swatch fill-unknown" aria-hidden />
            not assessed
          </span>
        </>
      )}
    </span>
  );
}

/** DayTable is the chart in words, newest first, for who does not see it. */
function DayTable({ days, view }: { days: Day[]; view: Shown }) {
  return (
    <table className="plain num" aria-label="Day by day">
      <thead>
        <tr>
          <th scope="col">Day</th>
          {priorities.map((name) => (
            <th key={name} scope="col">
              <Priority name={name} />
            </th>
          ))}
          {view === "hosts" && <th scope="col">None</th>}
          <th scope="col">Hosts</th>
          <th scope="col">Not assessed</th>
        </tr>
      </thead>
      <tbody>
        {days.toReversed().map((day) => (
          <Row key={day.day} of={day} view={view} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ of: { day, known, total }, view }: { of: Day; view: Shown }) {
  const counts = view === "hosts" ? total?.hosts_by_worst : total?.findings;
  const cells = priorities.length + (view === "hosts" ? 1 : 0);
  return (
    <tr>
      <th scope="row">{day}</th>
      {known === "counted" && counts?.assessed ? (
        <>
          {priorities.map((name) => (
            <td key={name}>{count(counts[name])}</td>
          ))}
          {view === "hosts" && <td>{count(clean(counts))}</td>}
        </>
      ) : (
        <td className="muted" colSpan={cells}>
          {known === "counted" ? "not assessed" : known}
        </td>
      )}
      <td>{total ? count(total.hosts) : "–"}</td>
      <td>{total ? count(total.not_assessed) : "–"}</td>
    </tr>
  );
}
