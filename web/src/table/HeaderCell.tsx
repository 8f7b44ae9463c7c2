import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import type { Sort } from "../url/urlState";
import type { Column } from "./columns";

interface Props<T> {
  column: Column<T>;
  sort: Sort | undefined;
  onSort: ((sort: Sort) => void) | undefined;
}

/** HeaderCell sorts by its column: numbers from the largest first, words from a. A second click turns it round. */
export function HeaderCell<T>({ column, sort, onSort }: Props<T>) {
  const by = sort?.key === column.id;
  const Arrow = sort?.desc ? IconArrowDown : IconArrowUp;
  const click = () => onSort?.({ key: column.id, desc: by ? !sort.desc : column.right === true });
  return (
    <th scope="col" className={column.right ? "right" : undefined} aria-sort={by ? (sort.desc ? "descending" : "ascending") : undefined}>
      {column.sort && onSort ? (
        <button type="button" onClick={click}>
          {column.header}
          {by && <Arrow size={12} aria-hidden />}
        </button>
      ) : (
        column.header
      )}
    </th>
  );
}
