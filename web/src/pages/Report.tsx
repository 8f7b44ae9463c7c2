import { Button, Select } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { complianceQuery } from "../api/patch";
import { Problem } from "../api/problem";
import type { ComplianceReport } from "../api/types";
import { cellsOf, linesOf } from "../format/compliance";
import { csv, download } from "../format/csv";
import { count, counted } from "../format/numbers";
import { Age } from "../parts/Age";
import { Search, Selector } from "../parts/Fields";
import { Empty, Failure, Note } from "../parts/Notes";
import { Page } from "../parts/Page";
import { isPriority, priorities } from "../parts/Priority";
import { DataTable } from "../table/DataTable";
import { readSort, writeSort } from "../url/urlState";
import { useUrlState } from "../url/useUrlState";
import { Link } from "../url/Link";
import { reportColumns, reportSorts } from "./report/columns";
import { ReportTallies } from "./report/ReportTallies";

const defaults = { selector: "", days: "90", priority: "", status: "", q: "", sort: "unread" };
const periods = ["7", "30", "90", "365"].map((value) => ({ value, label: `fixed in the last ${value} days` }));
const worst = [{ value: "", label: "every priority" }, ...priorities.map((value) => ({ value, label: value === "urgent" ? "urgent only" : `${value} or worse` }))];

/** Report is the compliance report: of each host what is open since when, and what was fixed when, by which rollout, approved by whom. */
export function Report() {
  const [{ selector, days, priority, status, q, sort: sortText }, set] = useUrlState(defaults);
  const [opened] = useState(() => Date.now());
  const period = periods.some(({ value }) => value === days) ? days : defaults.days;
  const since = useMemo(() => new Date(opened - Number(period) * 86_400_000).toISOString(), [opened, period]);
  const query = useQuery(complianceQuery({ selector, since, ...(isPriority(priority) ? { priority } : {}) }));
  const report = query.data;
  const badSelector = query.error instanceof Problem && query.error.status === 422 ? query.error.message : undefined;
  const sort = readSort(sortText, [...reportSorts, defaults.sort], defaults.sort);
  const lines = useMemo(() => (report ? linesOf(report) : []), [report]);
  const rows = useMemo(() => {
    const wanted = q.toLowerCase();
    return lines.filter(({ host, status: is, open, fixed }) => {
      const found = open ?? fixed;
      return (!status || is === status) && `${host.host} ${found?.vulnerability ?? ""} ${found?.source ?? ""} ${fixed?.approved_by.join(" ") ?? ""}`.toLowerCase().includes(wanted);
    });
  }, [lines, status, q]);
  return (
    <Page
      fixed
      title="Compliance report"
      aside={report && <Age at={report.as_of} prefix="as of" />}
      actions={
        <Button variant="default" leftSection={<IconDownload size={14} />} disabled={!report} onClick={() => report && save(report, cellsOf(rows))}>
          Download CSV
        </Button>
      }
    >
      <div className="filters">
        <Search label="Search the report" placeholder="Host, CVE, source, approver" value={q} onChange={(value) => set({ q: value }, { replace: true })} />
        <Selector value={selector} onChange={(value) => set({ selector: value }, { replace: true })} problem={badSelector} width={270} />
        <Select aria-label="Period" data={periods} value={period} allowDeselect={false} onChange={(value) => set({ days: value ?? defaults.days })} />
        <Select aria-label="Priority" data={worst} value={isPriority(priority) ? priority : ""} allowDeselect={false} onChange={(value) => set({ priority: value ?? "" })} />
      </div>
      {query.error && !badSelector && <Failure error={query.error} retry={() => void query.refetch()} />}
      {report && <ReportTallies report={report} status={status} pick={(next) => set({ status: next })} />}
      {report && report.not_assessed > 0 && (
        <Note tone="warn">
          Of {counted(report.not_assessed, "host")} nothing can be said: not assessed, with the reason in its line. Judged with <Link to="/feeds">feeds</Link>{" "}
          as old as they say.
        </Note>
      )}
      <DataTable
        label="Compliance"
        columns={reportColumns}
        rows={badSelector ? [] : rows}
        rowKey={(line) => line.key}
        {...(sort.key === defaults.sort ? {} : { sort })}
        onSort={(next) => set({ sort: writeSort(next) })}
        loading={query.isPending}
        minWidth={1060}
        empty={<Empty title={lines.length > 0 ? "No line matches." : "No host matches."} />}
      />
      <div className="grid-foot num">
        {rows.length < lines.length ? `${count(rows.length)} of ${counted(lines.length, "line")}` : counted(lines.length, "line")}
        <span>
          As a page to print: <span className="mono">staunch report compliance -o html</span>
        </span>
      </div>
    </Page>
  );
}

function save(report: ComplianceReport, cells: string[][]) {
  download(`compliance-${report.as_of.slice(0, 10)}.csv`, "text/csv;charset=utf-8", csv(cells));
}
