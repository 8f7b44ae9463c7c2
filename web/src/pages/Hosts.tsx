import { useInfiniteQuery } from "@tanstack/react-query";
import { Button } from "@mantine/core";
import { useCallback, useMemo } from "react";
import { Problem } from "../api/problem";
import { hostsQuery } from "../api/queries";
import type { HostPage } from "../api/types";
import { only } from "../format/filters";
import { counted } from "../format/numbers";
import { terms, withoutTerm, withTerm } from "../format/selector";
import { Search, Selector } from "../parts/Fields";
import { Empty, Failure } from "../parts/Notes";
import { Page } from "../parts/Page";
import { DataTable } from "../table/DataTable";
import { ListFoot } from "../table/ListFoot";
import { useList } from "../table/useList";
import { readSort, writeSort } from "../url/urlState";
import { usePast } from "../url/usePast";
import { useUrlState } from "../url/useUrlState";
import { Link } from "../url/Link";
import { hostColumns, hostSorts } from "./hosts/columns";
import { QuickFilters } from "./hosts/QuickFilters";

const defaults = { selector: "", q: "", sort: "name" };
const itemsOf = (page: HostPage) => page.items;

/** Hosts is the list of every host: what it lacks, how fresh our knowledge of it is, and whether it still talks to us. */
export function Hosts() {
  const [{ selector, q, sort: sortText }, set] = useUrlState(defaults);
  const sort = readSort(sortText, hostSorts, defaults.sort);
  const past = usePast();
  const query = useInfiniteQuery(hostsQuery({ ...past, selector, q, sort: sort.key, desc: sort.desc }));
  const list = useList(query, itemsOf);
  const badSelector = list.error instanceof Problem && list.error.status === 422 ? list.error.message : undefined;
  const pick = useCallback((term: string) => set({ selector: withTerm(selector, term) }), [set, selector]);
  const columns = useMemo(() => hostColumns(pick, past.as_of !== undefined), [pick, past]);
  const filtered = selector !== "" || q !== "";
  return (
    <Page fixed title="Hosts" aside={list.page && <span className="num">{counted(list.page.total, "host")}{filtered && " match"}</span>}
      actions={
        !past.as_of && (
          <Button component={Link} to="/enrollment" variant="default">
            Enroll a host
          </Button>
        )
      }
    >
      <div className="filters">
        <Search label="Search hosts" placeholder="Name, system, kernel" width={190} value={q} onChange={(value) => set({ q: value }, { replace: true })} />
        <Selector value={selector} onChange={(value) => set({ selector: value }, { replace: true })} problem={badSelector} width={270} />
        <QuickFilters
          active={terms(selector)}
          past={past.as_of !== undefined}
          toggle={(term, on) => set({ selector: on ? withTerm(selector, term) : withoutTerm(selector, term) })}
        />
      </div>
      {list.error && !badSelector && <Failure error={list.error} retry={() => void query.refetch()} />}
      <DataTable
        server
        label="Hosts"
        columns={columns}
        rows={badSelector ? [] : list.rows}
        rowKey={(host) => host.id}
        sort={sort}
        onSort={(next) => set({ sort: writeSort(next) })}
        loading={list.loading}
        more={list.more}
        minWidth={1070}
        empty={<NoHosts past={past.as_of !== undefined} filtered={filtered} bad={badSelector !== undefined} pendingOnly={selector === only.pending} />}
      />
      <ListFoot shown={list.rows.length} total={list.page?.total ?? 0} one="host" more={list.more} busy={list.busy} />
    </Page>
  );
}

function NoHosts({ past, filtered, bad, pendingOnly }: { past: boolean; filtered: boolean; bad: boolean; pendingOnly: boolean }) {
  if (bad) return <Empty title="The selector cannot be read.">Its field says why. Example: env=prod,role in (web,api),!retired</Empty>;
  if (pendingOnly) return <Empty title="No host is waiting for approval." />;
  if (filtered) return <Empty title="No host matches.">Clear the search or the selector to see all.</Empty>;
  if (past) return <Empty title="No host was enrolled then." />;
  return (
    <Empty title="No host is enrolled yet.">
      <Link to="/enrollment">Make an enroll-token</Link> and paste its command on a host.
    </Empty>
  );
}
