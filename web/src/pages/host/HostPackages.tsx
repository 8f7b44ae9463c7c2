import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { hostPackagesQuery } from "../../api/queries";
import type { Host, Package } from "../../api/types";
import { count } from "../../format/numbers";
import { Age } from "../../parts/Age";
import { Search } from "../../parts/Fields";
import { Empty, Failure } from "../../parts/Notes";
import { DataTable } from "../../table/DataTable";
import type { Column } from "../../table/columns";
import { readSort, writeSort } from "../../url/urlState";
import { useUrlState } from "../../url/useUrlState";

const defaults = { q: "", sort: "name" };

const columns: Column<Package>[] = [
  { id: "name", header: "Package", sort: (p) => p.name, title: (p) => p.name, cell: (p) => <b>{p.name}</b> },
  { id: "arch", header: "Arch", width: 70, sort: (p) => p.arch, cell: (p) => p.arch },
  { id: "version", header: "Version", mono: true, title: (p) => p.version, cell: (p) => p.version },
  { id: "source", header: "Source", sort: (p) => p.source || p.name, title: (p) => p.source, cell: (p) => p.source || p.name },
  { id: "source_version", header: "Source version", mono: true, title: (p) => p.source_version, cell: (p) => p.source_version || p.version },
  { id: "origin", header: "Origin", width: 140, sort: (p) => p.origin ?? "", cell: (p) => p.origin || <span className="muted">not known</span> },
];
const sorts = ["name", "arch", "source", "origin"];

export function HostPackages({ host }: { host: Host }) {
  const [{ q, sort: sortText }, set] = useUrlState(defaults);
  const query = useQuery(hostPackagesQuery(host.id));
  const sort = readSort(sortText, sorts, defaults.sort);
  const all = query.data?.packages;
  const rows = useMemo(() => {
    const wanted = q.toLowerCase();
    return (all ?? []).filter((p) => `${p.name} ${p.version} ${p.source ?? ""} ${p.origin ?? ""}`.toLowerCase().includes(wanted));
  }, [all, q]);
  return (
    <>
      <div className="filters">
        <Search label="Search packages" placeholder="Package, version, source, origin" width={260} value={q} onChange={(value) => set({ q: value }, { replace: true })} />
        {all && (
          <span className="row wrap muted">
            <span className="num">
              {count(rows.length)} of {count(all.length)} packages
            </span>
            <Age at={query.data?.as_of} prefix="unchanged since" />
          </span>
        )}
      </div>
      {query.error && <Failure error={query.error} retry={() => void query.refetch()} />}
      <DataTable
        label="Packages"
        columns={columns}
        rows={rows}
        rowKey={(p) => `${p.name} ${p.arch} ${p.version}`}
        sort={sort}
        onSort={(next) => set({ sort: writeSort(next) })}
        loading={query.isPending}
        minWidth={820}
        empty={<Empty title={q ? "No package matches." : "The host has not reported its packages yet."} />}
      />
    </>
  );
}
