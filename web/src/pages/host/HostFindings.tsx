import { useInfiniteQuery } from "@tanstack/react-query";
import { hostFindingsQuery } from "../../api/queries";
import type { Finding, FindingCounts, FindingPage } from "../../api/types";
import { counted } from "../../format/numbers";
import { Exploited } from "../../parts/Exploited";
import { Search } from "../../parts/Fields";
import { FindingDetail } from "../../parts/FindingDetail";
import { Empty, Failure } from "../../parts/Notes";
import { Priority, isPriority } from "../../parts/Priority";
import { PriorityFilter } from "../../parts/PriorityFilter";
import { DataTable } from "../../table/DataTable";
import { ListFoot } from "../../table/ListFoot";
import type { Column } from "../../table/columns";
import { useList } from "../../table/useList";
import { readSort, writeSort } from "../../url/urlState";
import { usePast } from "../../url/usePast";
import { useUrlState } from "../../url/useUrlState";
import { Link } from "../../url/Link";

const defaults = { q: "", priority: "", sort: "priority" };
const itemsOf = (page: FindingPage) => page.items;

const columns: Column<Finding>[] = [
  { id: "priority", header: "Priority", sort: true, width: 100, cell: (f) => <Priority name={f.priority} /> },
  {
    id: "vulnerability",
    header: "Vulnerability",
    sort: true,
    width: 146,
    cell: (f) => (
      <Link className="name" to={`/vulnerabilities/${encodeURIComponent(f.vulnerability)}`}>
        {f.vulnerability}
      </Link>
    ),
  },
  { id: "source", header: "Source", sort: true, width: 120, title: (f) => f.packages.join(", "), cell: (f) => f.source },
  { id: "installed", header: "Installed", mono: true, title: (f) => f.installed, cell: (f) => f.installed },
  { id: "fixed", header: "Fixed in", mono: true, title: (f) => f.fixed, cell: (f) => f.fixed || <span className="muted">not yet</span> },
  { id: "update", header: "Offered now", mono: true, title: (f) => f.update, cell: (f) => f.update || <span className="muted">no</span> },
  { id: "status", header: "Status", width: 134, title: (f) => f.status, cell: (f) => f.status },
  { id: "epss", header: "EPSS", width: 58, right: true, title: (f) => f.epss?.as_of && `Of ${f.epss.as_of}`, cell: (f) => (f.epss ? <span className="num">{f.epss.score.toFixed(3)}</span> : <span className="muted">–</span>) },
  { id: "kev", header: "Exploited", width: 96, cell: (f) => <Exploited kev={f.kev} /> },
];

interface Props {
  id: string;
  /** Of the host as it is now; without them the list's own are shown. */
  counts?: FindingCounts;
}

/** HostFindings is what is wrong on one host. Opening a row gives the whole explanation. */
export function HostFindings({ id, counts }: Props) {
  const past = usePast();
  const [{ q, priority, sort: sortText }, set] = useUrlState(defaults);
  const sort = readSort(sortText, ["priority", "vulnerability", "source"], defaults.sort);
  const query = useInfiniteQuery(
    hostFindingsQuery(id, { ...past, q, sort: sort.key, desc: sort.desc, ...(isPriority(priority) ? { priority } : {}) }),
  );
  const list = useList(query, itemsOf);
  const shown = counts ?? list.page?.count;
  return (
    <>
      <div className="filters">
        <Search label="Search findings" placeholder="CVE or package" value={q} onChange={(value) => set({ q: value }, { replace: true })} />
        <PriorityFilter value={priority} onChange={(value) => set({ priority: value })} {...(counts ? { counts } : {})} />
      </div>
      {list.error && <Failure error={list.error} retry={() => void query.refetch()} />}
      <DataTable
        server
        label="Findings"
        columns={columns}
        rows={list.rows}
        rowKey={(f) => `${f.vulnerability} ${f.source} ${f.installed}`}
        sort={sort}
        onSort={(next) => set({ sort: writeSort(next) })}
        loading={list.loading}
        more={list.more}
        minWidth={1080}
        expand={(finding) => <FindingDetail finding={finding} />}
        empty={<NoFindings counts={shown} filtered={q !== "" || priority !== ""} />}
      />
      <ListFoot shown={list.rows.length} total={list.page?.total ?? 0} one="finding" more={list.more} busy={list.busy}>
        {list.page && list.page.total > list.page.count.total && <span>of {counted(list.page.count.total, "vulnerability", "vulnerabilities")}: one can be in several packages</span>}
      </ListFoot>
    </>
  );
}

function NoFindings({ counts, filtered }: { counts: FindingCounts | undefined; filtered: boolean }) {
  if (counts && !counts.assessed) return <Empty title="Not assessed">{counts.reason || "No feed covers this release."}</Empty>;
  if (filtered) return <Empty title="No finding matches.">Clear the search to see all.</Empty>;
  return <Empty title="Nothing found by the feeds that cover this release." />;
}
