import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { hostUpdatesQuery } from "../../api/queries";
import type { Host, Update } from "../../api/types";
import { counted } from "../../format/numbers";
import { hostTerm } from "../../format/spec";
import { Age } from "../../parts/Age";
import { Search } from "../../parts/Fields";
import { Empty, Failure } from "../../parts/Notes";
import { PatchButton } from "../../parts/PatchButton";
import { Pick, usePicked } from "../../parts/Pick";
import { State } from "../../parts/State";
import { Toggle } from "../../parts/Toggle";
import { UpdateState } from "../../parts/UpdateState";
import { DataTable } from "../../table/DataTable";
import type { Column } from "../../table/columns";
import { readSort, writeSort } from "../../url/urlState";
import { useUrlState } from "../../url/useUrlState";

const defaults = { q: "", sort: "name", security: "" };

const columns: Column<Update>[] = [
  { id: "name", header: "Package", width: 190, sort: (u) => u.name, title: (u) => `${u.name} ${u.arch}`, cell: (u) => <b>{u.name}</b> },
  { id: "action", header: "Action", width: 72, sort: (u) => u.action, cell: (u) => u.action },
  { id: "from", header: "Installed", mono: true, title: (u) => u.from, cell: (u) => u.from || <span className="muted">none</span> },
  { id: "to", header: "To", mono: true, title: (u) => u.to, cell: (u) => u.to || <span className="muted">removed</span> },
  { id: "security", header: "Security", width: 90, sort: (u) => Number(!u.security), cell: (u) => u.security && <State tone="warn">security</State> },
  { id: "archive", header: "From archive", width: 140, sort: (u) => u.archive ?? "", title: (u) => `${u.origin ?? ""} ${u.archive ?? ""}`, cell: (u) => u.archive },
  { id: "state", header: "State", width: 104, sort: (u) => u.state, cell: (u) => <UpdateState name={u.state} /> },
  { id: "reason", header: "Reason", title: (u) => u.reason, cell: (u) => u.reason || <span className="muted">–</span> },
];

/** Only what the package manager would do now can be planned. */
function pickColumn(picked: ReadonlySet<string>, toggle: (name: string) => void): Column<Update> {
  return {
    id: "pick",
    header: <span className="sr-only">Select</span>,
    width: 32,
    cell: (u) => <Pick name={u.name} on={picked.has(u.name)} toggle={toggle} not={pickable(u) ? undefined : `Not now: ${u.reason || u.state}`} />,
  };
}

const pickable = (u: Update) => u.action === "upgrade" && u.state === "installable";

const sorts = columns.filter((column) => column.sort).map((column) => column.id);

/** HostUpdates is what the host's own package manager would do now, in its own words. */
export function HostUpdates({ host }: { host: Host }) {
  const [{ q, sort: sortText, security }, set] = useUrlState(defaults);
  const query = useQuery(hostUpdatesQuery(host.id));
  const sort = readSort(sortText, sorts, defaults.sort);
  const rows = useMemo(() => {
    const wanted = q.toLowerCase();
    return (query.data?.updates ?? []).filter(
      (update) => (!security || update.security) && `${update.name} ${update.to ?? ""} ${update.archive ?? ""}`.toLowerCase().includes(wanted),
    );
  }, [query.data, q, security]);
  const data = query.data;
  const { picked, toggle } = usePicked();
  const all = useMemo(() => [pickColumn(picked, toggle), ...columns], [picked, toggle]);
  const names = (data?.updates ?? []).filter((u) => pickable(u) && picked.has(u.name)).map(({ name }) => name);
  return (
    <>
      <div className="filters">
        <Search label="Search updates" placeholder="Package, version, archive" value={q} onChange={(value) => set({ q: value }, { replace: true })} />
        <Toggle on={security !== ""} change={(on) => set({ security: on ? "yes" : "" })}>
          Security only
        </Toggle>
        {names.length > 0 && (
          <span className="row">
            <PatchButton primary prefill={{ selector: hostTerm(host.name), packages: [...new Set(names)] }}>
              {`Patch ${counted(names.length, "selected update")} …`}
            </PatchButton>
          </span>
        )}
        {data && (
          <span className="row wrap muted">
            <span className="num">{counted(rows.length, "update")}</span>
            <Age at={data.metadata.as_of} prefix="package lists as of" />
          </span>
        )}
      </div>
      {query.error && <Failure error={query.error} retry={() => void query.refetch()} />}
      <DataTable
        label="Updates"
        columns={host.state === "approved" ? all : columns}
        rows={rows}
        rowKey={(update) => `${update.name} ${update.arch} ${update.action}`}
        sort={sort}
        onSort={(next) => set({ sort: writeSort(next) })}
        loading={query.isPending}
        minWidth={1040}
        empty={<NoUpdates known={data?.known ?? false} problem={data?.problem} filtered={q !== "" || security !== ""} stale={host.metadata.stale} />}
      />
    </>
  );
}

function NoUpdates({ known, problem, filtered, stale }: { known: boolean; problem: string | undefined; filtered: boolean; stale: boolean }) {
  if (!known) return <Empty title="Not known">{problem || "The host has not said yet what it could install."}</Empty>;
  if (filtered) return <Empty title="No update matches.">Clear the search to see all.</Empty>;
  if (stale) return <Empty title="None in lists that are stale.">Refresh the host before believing this.</Empty>;
  return <Empty title="Nothing to install." />;
}
