import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Problem } from "../api/problem";
import { updatesQuery } from "../api/queries";
import type { FleetUpdate, FleetUpdatePage } from "../api/types";
import { hostsWith, only } from "../format/filters";
import { count, counted } from "../format/numbers";
import { Search, Selector } from "../parts/Fields";
import { Empty, Failure, Note } from "../parts/Notes";
import { Page } from "../parts/Page";
import { PatchButton, PatchMenu } from "../parts/PatchButton";
import { Pick, usePicked } from "../parts/Pick";
import { State } from "../parts/State";
import { UpdateState } from "../parts/UpdateState";
import { DataTable } from "../table/DataTable";
import { ListFoot } from "../table/ListFoot";
import type { Column } from "../table/columns";
import { useList } from "../table/useList";
import { readSort, writeSort } from "../url/urlState";
import { usePast } from "../url/usePast";
import { useUrlState } from "../url/useUrlState";
import { Link } from "../url/Link";

const defaults = { selector: "", q: "", sort: "security" };
const itemsOf = (page: FleetUpdatePage) => page.items;

const columns: Column<FleetUpdate>[] = [
  { id: "name", header: "Package", sort: true, width: 170, title: (u) => u.name, cell: (u) => <b>{u.name}</b> },
  { id: "security", header: "Security", sort: true, width: 90, cell: (u) => u.security && <State tone="warn">security</State> },
  { id: "action", header: "Action", width: 70, cell: (u) => u.action },
  { id: "from", header: "Installed", mono: true, title: (u) => u.from.join(", "), cell: (u) => (u.from.length > 0 ? u.from.join(", ") : <span className="muted">none</span>) },
  { id: "to", header: "To", mono: true, title: (u) => u.to, cell: (u) => u.to || <span className="muted">removed</span> },
  { id: "archive", header: "From archive", width: 134, title: (u) => `${u.origin ?? ""} ${u.archive ?? ""}`, cell: (u) => u.archive },
  {
    id: "states",
    header: "State",
    width: 250,
    cell: (u) => (
      <span className="row">
        {u.states.map((state) => (
          <span key={state.name} className="row num">
            <UpdateState name={state.name} /> {count(state.count)}
          </span>
        ))}
      </span>
    ),
  },
  { id: "hosts", header: "Hosts", sort: true, width: 70, right: true, cell: (u) => count(u.hosts) },
];

const pickable = (u: FleetUpdate) => u.action === "upgrade" && u.states.some(({ name }) => name === "installable");

function pickColumn(picked: ReadonlySet<string>, toggle: (name: string) => void): Column<FleetUpdate> {
  return {
    id: "pick",
    header: <span className="sr-only">Select</span>,
    width: 32,
    cell: (u) => <Pick name={u.name} on={picked.has(u.name)} toggle={toggle} not={pickable(u) ? undefined : "No package manager would do this now"} />,
  };
}

/** Updates is what the package managers of the fleet would do now: the same package to the same version is one row. */
export function Updates() {
  const [{ selector, q, sort: sortText }, set] = useUrlState(defaults);
  const sort = readSort(sortText, ["name", "hosts", "security"], defaults.sort);
  const past = usePast();
  const query = useInfiniteQuery(updatesQuery({ ...past, selector, q, sort: sort.key, desc: sort.desc }));
  const list = useList(query, itemsOf);
  const badSelector = list.error instanceof Problem && list.error.status === 422 ? list.error.message : undefined;
  const { picked, toggle } = usePicked();
  const all = useMemo(() => (past.as_of ? columns : [pickColumn(picked, toggle), ...columns]), [past, picked, toggle]);
  const unknown = list.page?.unknown ?? 0;
  return (
    <Page fixed title="Updates" aside={list.page && <span className="num">{counted(list.page.total, "update")}</span>} actions={<PatchMenu label="Patch these hosts" selector={selector} />}>
      <div className="filters">
        <Search label="Search updates" placeholder="Package, version" value={q} onChange={(value) => set({ q: value }, { replace: true })} />
        <Selector value={selector} onChange={(value) => set({ selector: value }, { replace: true })} problem={badSelector} />
        {picked.size > 0 && !past.as_of && (
          <PatchButton primary prefill={{ selector, packages: [...picked].toSorted() }}>
            {`Patch ${counted(picked.size, "selected package")} …`}
          </PatchButton>
        )}
      </div>
      {unknown > 0 && (
        <Note tone="warn">
          On <Link to={hostsWith(only.updatesUnknown, selector)}>{counted(unknown, "host")}</Link> the package manager could not say what it would
          install: this list says nothing about {unknown === 1 ? "it" : "them"}.
        </Note>
      )}
      {list.error && !badSelector && <Failure error={list.error} retry={() => void query.refetch()} />}
      <DataTable
        server
        label="Updates"
        columns={all}
        rows={badSelector ? [] : list.rows}
        rowKey={(u) => `${u.name} ${u.action} ${u.to ?? ""} ${u.archive ?? ""} ${u.origin ?? ""}`}
        sort={sort}
        onSort={(next) => set({ sort: writeSort(next) })}
        loading={list.loading}
        more={list.more}
        minWidth={1040}
        empty={<Empty title={withoutUpdates(list.page, q || selector)} />}
      />
      <ListFoot shown={list.rows.length} total={list.page?.total ?? 0} one="update" more={list.more} busy={list.busy} />
    </Page>
  );
}

function withoutUpdates(page: FleetUpdatePage | undefined, narrowed: string) {
  if (page?.reason) return `Not known: ${page.reason}.`;
  return narrowed ? "No update matches." : "No host that could say has anything to install.";
}
