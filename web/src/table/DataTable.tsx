import { useTable } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { Fragment, useEffect, useMemo, useRef, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";
import type { Sort } from "../url/urlState";
import { features, toDefs } from "./columns";
import type { Column } from "./columns";
import { HeaderCell } from "./HeaderCell";
import { RowsLoading } from "./RowsLoading";

const rowHeight = 28;

interface Props<T> {
  label: string;
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  /** Rows come sorted, a page at a time. */
  server?: boolean;
  loading?: boolean;
  /** Shown instead of rows when there are none. */
  empty: ReactNode;
  /** Asks for the next page; absent on the last. */
  more?: (() => void) | undefined;
  /** Minimum width before the table scrolls sideways. */
  minWidth?: number;
  expand?: (row: T) => ReactNode;
  /** As high as its rows, for short lists inside a page. */
  natural?: boolean;
}

/** DataTable is every long list of the console: rows of 28 px, a sticky head, and only the rows in sight in the document. */
export function DataTable<T extends object>(props: Props<T>) {
  const { columns, rows, rowKey, sort, onSort, server, loading, more, expand } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const defs = useMemo(() => toDefs(columns), [columns]);
  const sorting = useMemo(() => (sort ? [{ id: sort.key, desc: sort.desc }] : []), [sort]);
  const table = useTable({
    features,
    columns: defs,
    data: rows,
    getRowId: rowKey,
    manualSorting: server ?? false,
    state: { sorting },
  });
  const model = table.getRowModel().rows;
  const virtual = useVirtualizer({
    count: model.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => model[index]?.id ?? index,
    overscan: 12,
    enabled: !props.natural,
  });
  const items = props.natural ? model.map((_, index) => ({ index, start: 0, end: 0 })) : virtual.getVirtualItems();
  const first = items[0];
  const last = items.at(-1);
  const before = first?.start ?? 0;
  const after = props.natural || !last ? 0 : virtual.getTotalSize() - last.end;

  const nearEnd = last !== undefined && last.index >= model.length - 30;
  useEffect(() => {
    if (nearEnd && more) more();
  }, [nearEnd, more]);

  const toggle = (id: string) =>
    setOpen((ids) => {
      const next = new Set(ids);
      if (!next.delete(id)) next.add(id);
      return next;
    });

  return (
    <div ref={scroller} className={props.natural ? "grid-wrap natural" : "grid-wrap"} role="presentation" onKeyDown={moveBetweenRows}>
      <table className="grid" aria-label={props.label} aria-rowcount={model.length + 1} style={{ minWidth: props.minWidth }}>
        <colgroup>
          {columns.map((column) => (
            <col key={column.id} style={{ width: column.width }} />
          ))}
        </colgroup>
        <thead>
          <tr>
            {columns.map((column) => (
              <HeaderCell key={column.id} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        {before > 0 && <Spacer height={before} columns={columns.length} />}
        {items.map(({ index }) => {
          const row = model[index];
          if (!row) return null;
          const isOpen = open.has(row.id);
          let skip = 0;
          return (
            <tbody
              key={row.id}
              className={isOpen ? "item open" : "item"}
              data-index={index}
              ref={props.natural ? undefined : virtual.measureElement}
            >
              <tr className="line" aria-rowindex={index + 2}>
                {row.getAllCells().map((cell, at) => {
                  if (skip > 0) {
                    skip--;
                    return null;
                  }
                  const meta = cell.column.columnDef.meta;
                  const span = meta?.span?.(row.original) ?? 1;
                  skip = span - 1;
                  return (
                    <td
                      key={cell.id}
                      colSpan={span}
                      className={`${meta?.right && span === 1 ? "right" : ""} ${meta?.mono ? "mono" : ""}`}
                      title={meta?.title?.(row.original)}
                    >
                      {at === 0 && expand ? (
                        <Expander open={isOpen} onClick={() => toggle(row.id)}>
                          <table.FlexRender cell={cell} />
                        </Expander>
                      ) : (
                        <table.FlexRender cell={cell} />
                      )}
                    </td>
                  );
                })}
              </tr>
              {isOpen && expand && (
                <tr>
                  <td className="detail" colSpan={columns.length}>
                    {expand(row.original)}
                  </td>
                </tr>
              )}
            </tbody>
          );
        })}
        {after > 0 && <Spacer height={after} columns={columns.length} />}
        {loading && model.length === 0 && <RowsLoading columns={columns.length} />}
      </table>
      {!loading && model.length === 0 && <Fragment>{props.empty}</Fragment>}
    </div>
  );
}

function Spacer({ height, columns }: { height: number; columns: number }) {
  return (
    <tbody aria-hidden>
      <tr>
        <td className="pad" colSpan={columns} style={{ height }} />
      </tr>
    </tbody>
  );
}

function Expander({ open, onClick, children }: { open: boolean; onClick: () => void; children: ReactNode }) {
  return (
    <button type="button" className="expander" aria-expanded={open} onClick={onClick}>
      <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden>
        <path d="M4 2l4 4-4 4" fill="none" stroke="currentColor" strokeWidth="1.6" />
      </svg>
      <span className="cut">{children}</span>
    </button>
  );
}

/** Arrow keys go from row to row, to the first link or button of each. */
function moveBetweenRows(event: KeyboardEvent<HTMLDivElement>) {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const here = (event.target as HTMLElement).closest("tbody.item");
  if (!here) return;
  const next = event.key === "ArrowDown" ? here.nextElementSibling : here.previousElementSibling;
  const target = next?.querySelector<HTMLElement>("a, button");
  if (!target) return;
  event.preventDefault();
  target.focus();
}
