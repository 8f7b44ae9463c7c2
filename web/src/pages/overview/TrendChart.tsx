import { ceiling, clean } from "../../format/days";
import type { Day } from "../../format/days";
import { count } from "../../format/numbers";
import { priorities } from "../../parts/Priority";

export type Shown = "hosts" | "vulnerabilities";

// The chart is drawn in these units and scaled to the page: columns of days from left to right, the worst at the foot.
const height = 120;
const step = 10;
const bar = 8;

interface Part {
  name: string;
  n: number;
}

/** TrendChart is a column for each day. A day of which nothing is known is an empty column with a mark at its foot, never a column of no height. */
export function TrendChart({ days, view }: { days: Day[]; view: Shown }) {
  const columns = days.map((day) => ({ day, parts: partsOf(day, view) }));
  const top = ceiling(Math.max(...columns.map(({ parts }) => parts.reduce((sum, { n }) => sum + n, 0)), 0));
  const marks = days.filter(({ day }) => day.endsWith("-01") || day.endsWith("-15"));
  return (
    <figure className="trend" role="img" aria-label={words(days, view)}>
      <div className="trend-axis num" aria-hidden>
        <span>{count(top)}</span>
        <span>{count(top / 2)}</span>
        <span>0</span>
      </div>
      <svg viewBox={`0 0 ${days.length * step} ${height}`} preserveAspectRatio="none" aria-hidden>
        {[0, height / 2].map((y) => (
          <line key={y} className="trend-line" x1={0} x2={days.length * step} y1={y} y2={y} />
        ))}
        {columns.map(({ day, parts }, at) => (
          <g key={day.day}>
            <title>{tooltip(day, parts)}</title>
            {stacked(parts, top).map(({ name, y, h }) => (
              <rect key={name} className={`fill-${name}`} x={at * step + (step - bar) / 2} width={bar} y={y} height={h} />
            ))}
            {parts.length === 0 && <rect className={day.known === "no host yet" ? "trend-before" : "trend-gap"} x={at * step} width={step} y={day.known === "no host yet" ? height - 2 : 0} height={day.known === "no host yet" ? 2 : height} />}
          </g>
        ))}
        <line className="trend-foot" x1={0} x2={days.length * step} y1={height} y2={height} />
      </svg>
      <div className="trend-days num" aria-hidden>
        {marks.map(({ day }) => (
          <span key={day} style={{ left: `${(100 * (days.findIndex((d) => d.day === day) + 0.5)) / days.length}%` }}>
            {day.slice(5)}
          </span>
        ))}
      </div>
    </figure>
  );
}

function partsOf({ known, total }: Day, view: Shown): Part[] {
  const counts = view === "hosts" ? total?.hosts_by_worst : total?.findings;
  if (!total || !counts?.assessed || known !== "counted") return [];
  const parts: Part[] = priorities.map((name) => ({ name, n: counts[name] }));
  return view === "hosts" ? [...parts, { name: "clean", n: clean(counts) }, { name: "unknown", n: total.not_assessed }] : parts;
}

function stacked(parts: Part[], top: number): { name: string; y: number; h: number }[] {
  let below = 0;
  return parts.map(({ name, n }) => {
    const h = (n / top) * height;
    below += h;
    return { name, h, y: height - below };
  });
}

const said: Record<string, string> = { clean: "none", unknown: "not assessed" };

function tooltip({ day, known }: Day, parts: Part[]): string {
  if (parts.length === 0) return `${day}: ${known === "counted" ? "not assessed" : known}`;
  return `${day}: ${parts.map(({ name, n }) => `${count(n)} ${said[name] ?? name}`).join(", ")}`;
}

function words(days: Day[], view: Shown): string {
  const known = days.filter((day) => partsOf(day, view).length > 0);
  const [first, last] = [known[0], known.at(-1)];
  if (!first || !last) return "Nothing is known of these days";
  return `${view} day by day. ${tooltip(first, partsOf(first, view))}. ${tooltip(last, partsOf(last, view))}. ${days.length - known.length} of ${days.length} days are not known. The table below has each day.`;
}
