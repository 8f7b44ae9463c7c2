import type { ComplianceReport } from "../../api/types";
import { count } from "../../format/numbers";

interface Props {
  report: ComplianceReport;
  status: string;
  pick: (status: string) => void;
}

/** ReportTallies are the report's sums; those that count lines narrow the list to them. */
export function ReportTallies({ report, status, pick }: Props) {
  const tally = (name: string, n: number, label: string, tone?: string) => (
    <button type="button" className="tally" aria-pressed={status === name} onClick={() => pick(status === name ? "" : name)}>
      <b className={n > 0 ? tone : "muted"}>{count(n)}</b>
      <span className="muted">{label}</span>
    </button>
  );
  return (
    <div className="tallies" aria-label="The report in numbers">
      <div className="tally">
        <b>{count(report.hosts.length)}</b>
        <span className="muted">hosts</span>
      </div>
      {tally("not assessed", report.not_assessed, "hosts not assessed", "normal")}
      {tally("open", report.open, "open", "high")}
      {tally("fixed", report.fixed, "fixed")}
      <div className="tally">
        <b className={report.fixed > report.outside ? "ok" : "muted"}>{count(report.fixed - report.outside)}</b>
        <span className="muted">of them by rollouts</span>
      </div>
      <div className="tally">
        <b className={report.outside > 0 ? undefined : "muted"}>{count(report.outside)}</b>
        <span className="muted">outside Staunch</span>
      </div>
    </div>
  );
}
