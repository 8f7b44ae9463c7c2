import { createSortedRowModel, rowSortingFeature, sortFn_alphanumeric, sortFn_basic, tableFeatures } from "@tanstack/react-table";
import type { ColumnDef } from "@tanstack/react-table";
import type { ReactNode } from "react";

export interface Meta<T> {
  /** Width in pixels, or a share of what is left as "2fr" reads in a grid: a table gives it to its auto columns evenly. */
  width?: number;
  right?: boolean;
  mono?: boolean;
  /** Text for the tooltip of a cell that may be cut off. */
  title?: (row: T) => string | undefined;
  /** How many columns this cell takes in this row; those after it are left out. */
  span?: (row: T) => number;
}

/** What a table can do by itself: sort rows that are all here. Lists that the server pages are sorted by the server. */
export const features = tableFeatures({
  rowSortingFeature,
  sortedRowModel: createSortedRowModel(),
  sortFns: { alphanumeric: sortFn_alphanumeric, basic: sortFn_basic },
  // eslint-disable-next-line typescript/no-explicit-any -- the row type of a column is known where the column is made, not here
  columnMeta: {} as Meta<any>,
});

export type Features = typeof features;

export interface Column<T> extends Meta<T> {
  /** Also the name to sort by, in the address and for the server. */
  id: string;
  header: ReactNode;
  /** The value to sort by when the table sorts; server-side lists give true. Without it the column is not sortable. */
  sort?: true | ((row: T) => string | number | boolean);
  cell: (row: T) => ReactNode;
}

/** toDefs turns our short columns into TanStack's. */
export function toDefs<T extends object>(columns: Column<T>[]): ColumnDef<Features, T>[] {
  return columns.map(({ id, header, sort, cell, ...meta }) => ({
    id,
    header: () => header,
    cell: ({ row }) => cell(row.original),
    accessorFn: typeof sort === "function" ? sort : () => "",
    enableSorting: sort !== undefined,
    sortFn: typeof sort === "function" ? sortFnOf(sort) : "basic",
    sortDescFirst: meta.right === true,
    meta,
  }));
}

function sortFnOf<T>(value: (row: T) => string | number | boolean) {
  return (a: { original: T }, b: { original: T }) => {
    const [left, right] = [value(a.original), value(b.original)];
    if (typeof left === "string" && typeof right === "string") return collator.compare(left, right);
    return Number(left) - Number(right);
  };
}

const collator = new Intl.Collator("en", { numeric: true });
