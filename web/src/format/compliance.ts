/** A compliance report as lines: one for each finding of each host, and one for a host that has none. Pure. */
import type { ComplianceHost, ComplianceReport, FixedFinding, OpenFinding } from "../api/types";

export interface Line {
  key: string;
  host: ComplianceHost;
  status: "open" | "fixed" | "none" | "not assessed";
  open?: OpenFinding;
  fixed?: FixedFinding;
}

/** linesOf leaves no host out: silence is not good news. */
export function linesOf(report: ComplianceReport): Line[] {
  return report.hosts.flatMap((host) => {
    const lines: Line[] = [];
    if (!host.assessed) lines.push({ key: `${host.host_id} not assessed`, host, status: "not assessed" });
    else if (host.open.length + host.fixed.length === 0) lines.push({ key: `${host.host_id} none`, host, status: "none" });
    for (const [at, open] of host.open.entries()) lines.push({ key: `${host.host_id} open ${at}`, host, status: "open", open });
    for (const [at, fixed] of host.fixed.entries()) lines.push({ key: `${host.host_id} fixed ${at}`, host, status: "fixed", fixed });
    return lines;
  });
}

/** The columns of the file, under the names that `staunch report compliance -o csv` gives them. */
const columns: [string, (line: Line) => string | undefined][] = [
  ["host", ({ host }) => host.host],
  ["host_id", ({ host }) => host.host_id],
  ["status", ({ status }) => status],
  ["reason", ({ host }) => host.reason],
  ["priority", ({ open, fixed }) => (open ?? fixed)?.priority],
  ["vulnerability", ({ open, fixed }) => (open ?? fixed)?.vulnerability],
  ["kev", ({ open, fixed }) => (open ?? fixed) && ((open ?? fixed)?.kev ? "yes" : "no")],
  ["source", ({ open, fixed }) => (open ?? fixed)?.source],
  ["packages", ({ open, fixed }) => (open ?? fixed)?.packages.join(" ")],
  ["version", ({ open, fixed }) => open?.installed ?? fixed?.from],
  ["fixed_in", ({ open, fixed }) => open?.fixed_in ?? fixed?.to],
  ["finding_status", ({ open }) => open?.status],
  ["since", ({ open, fixed }) => (open ?? fixed)?.since],
  ["since_why", ({ open, fixed }) => (open ?? fixed)?.since_why],
  ["fixed_at", ({ fixed }) => fixed?.fixed_at],
  ["fixed_by", ({ fixed }) => fixed?.by],
  ["rollout", ({ fixed }) => fixed?.rollout],
  ["run", ({ fixed }) => fixed?.run],
  ["fix_state", ({ fixed }) => fixed?.fix_state],
  ["run_state", ({ fixed }) => fixed?.run_state],
  ["plan", ({ fixed }) => fixed?.plan],
  ["approved_by", ({ fixed }) => fixed?.approved_by.join(" ")],
  ["approved_at", ({ fixed }) => fixed?.approved_at],
  ["advisory", ({ open, fixed }) => (open ?? fixed)?.advisory],
  ["feed", ({ open, fixed }) => (open ?? fixed)?.feed],
  ["last_seen", ({ host }) => host.last_seen],
  ["packages_as_of", ({ host }) => host.as_of],
];

export function cellsOf(lines: Line[]): string[][] {
  return [columns.map(([name]) => name), ...lines.map((line) => columns.map(([, cell]) => cell(line) ?? ""))];
}
