import { useInfiniteQuery } from "@tanstack/react-query";
import { Problem } from "../api/problem";
import { vulnerabilitiesQuery } from "../api/queries";
import type { VulnPage, VulnRow } from "../api/types";
import { hostsWith, only } from "../format/filters";
import { count, counted } from "../format/numbers";
import { Age } from "../parts/Age";
import { Count } from "../parts/Counts";
import { Exploited } from "../parts/Exploited";
import { Search, Selector } from "../parts/Fields";
import { Empty, Failure, Note } from "../parts/Notes";
import { Page } from "../parts/Page";
import { Priority, isPriority } from "../parts/Priority";
import { PriorityFilter } from "../parts/PriorityFilter";
import { DataTable } from "../table/DataTable";
import { ListFoot } from "../table/ListFoot";
import type { Column } from "../table/columns";
import { useList } from "../table/useList";
import { readSort, writeSort } from "../url/urlState";
import { usePast } from "../url/usePast";
import { useUrlState } from "../url/useUrlState";
import { Link } from "../url/Link";

const defaults = { selector: "", q: "", priority: "", sort: "priority" };
const sorts = ["priority", "id", "hosts", "published"];
const itemsOf = (page: VulnPage) => page.items;

const columns: Column<VulnRow>[] = [
  { id: "priority", header: "Priority", sort: true, width: 100, cell: (row) => <Priority name={row.priority} /> },
  {
    id: "id",
    header: "Vulnerability",
    sort: true,
    width: 140,
    cell: (row) => (
      <Link className="name" to={`/vulnerabilities/${encodeURIComponent(row.id)}`}>
        {row.id}
      </Link>
    ),
  },
  { id: "kev", header: "Exploited", width: 96, cell: (row) => <Exploited kev={row.kev} /> },
  { id: "sources", header: "Sources", width: 160, title: (row) => row.sources.join(", "), cell: (row) => row.sources.join(", ") },
  { id: "summary", header: "Summary", title: (row) => row.summary, cell: (row) => row.summary || <span className="muted">the advisory gives none</span> },
  { id: "published", header: "Published", sort: true, width: 110, cell: (row) => <Age at={row.published} never="not known" /> },
  { id: "fixable", header: "Fixable", width: 70, right: true, title: () => "Hosts whose package manager offers a fix now", cell: (row) => <Count n={row.fixable} /> },
  { id: "hosts", header: "Hosts", sort: true, width: 70, right: true, cell: (row) => count(row.hosts) },
];

/** Vulnerabilities is what is wrong in the fleet, worst first, and how far each reaches. */
export function Vulnerabilities() {
  const [{ selector, q, priority, sort: sortText }, set] = useUrlState(defaults);
  const sort = readSort(sortText, sorts, defaults.sort);
  const past = usePast();
  const query = useInfiniteQuery(
    vulnerabilitiesQuery({ ...past, selector, q, sort: sort.key, desc: sort.desc, ...(isPriority(priority) ? { priority } : {}) }),
  );
  const list = useList(query, itemsOf);
  const badSelector = list.error instanceof Problem && list.error.status === 422 ? list.error.message : undefined;
  const unknown = list.page?.not_assessed ?? 0;
  return (
    <Page fixed title="Vulnerabilities" aside={list.page && <span className="num">{counted(list.page.total, "vulnerability", "vulnerabilities")}</span>}>
      <div className="filters">
        <Search label="Search vulnerabilities" placeholder="CVE, source, summary" value={q} onChange={(value) => set({ q: value }, { replace: true })} />
        <Selector value={selector} onChange={(value) => set({ selector: value }, { replace: true })} problem={badSelector} width={280} />
        <PriorityFilter value={priority} onChange={(value) => set({ priority: value })} />
      </div>
      {unknown > 0 && (
        <Note tone="warn">
          <Link to={hostsWith(only.notAssessed, selector)}>{counted(unknown, "host")} not assessed</Link>: this list says nothing about {unknown === 1 ? "it" : "them"}.
        </Note>
      )}
      {list.error && !badSelector && <Failure error={list.error} retry={() => void query.refetch()} />}
      <DataTable
        server
        label="Vulnerabilities"
        columns={columns}
        rows={badSelector ? [] : list.rows}
        rowKey={(row) => row.id}
        sort={sort}
        onSort={(next) => set({ sort: writeSort(next) })}
        loading={list.loading}
        more={list.more}
        minWidth={1040}
        empty={
          list.page?.reason ? (
            <Empty title={`Not assessed: ${list.page.reason}.`}>That the list is empty says nothing.</Empty>
          ) : q || selector || priority ? (
            <Empty title="Nothing matches.">Clear the filters to see all.</Empty>
          ) : (
            <Empty title="None found on the hosts that were assessed.">
              How fresh that is: <Link to="/feeds">Feeds</Link>
            </Empty>
          )
        }
      />
      <ListFoot shown={list.rows.length} total={list.page?.total ?? 0} one="vulnerability" many="vulnerabilities" more={list.more} busy={list.busy} />
    </Page>
  );
}
