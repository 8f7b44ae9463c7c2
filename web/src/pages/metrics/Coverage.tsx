import type { Metrics } from "../../api/types";
import { hostsWith, only } from "../../format/filters";
import { inDays, percent } from "../../format/days";
import { counted } from "../../format/numbers";
import { Note } from "../../parts/Notes";
import { Tally } from "../../parts/Tally";
import { Link } from "../../url/Link";

/** Coverage is how much of the fleet the other figures are about; it stands before them, since they say nothing of the rest. */
export function Coverage({ of: { hosts, selector, coverage } }: { of: Metrics }) {
  const share = percent(coverage.percent);
  const days = (n: number) => inDays(n).slice(0, -2);
  return (
    <>
      <div className="tallies" aria-label="Coverage">
        <Tally n={hosts} label="hosts" to={`/hosts?${new URLSearchParams(selector ? { selector } : {})}`} />
        <Tally n={coverage.assessed} label="of them assessed" to={hostsWith("host.assessed=yes", selector)} />
        <Tally n={coverage.not_assessed} label="not assessed" to={hostsWith(only.notAssessed, selector)} tone="high" />
        <div className="tally">
          <b className={share ? undefined : "muted"}>{share ?? "–"}</b>
          <span className="muted num">{`covered: ${days(coverage.covered_host_days)} of ${days(coverage.host_days)} host days`}</span>
        </div>
      </div>
      {coverage.not_assessed > 0 && (
        <Note tone="warn">
          <Link to={hostsWith(only.notAssessed, selector)}>{counted(coverage.not_assessed, "host")} not assessed</Link>: the figures below say nothing about {coverage.not_assessed === 1 ? "it" : "them"}.
        </Note>
      )}
    </>
  );
}
