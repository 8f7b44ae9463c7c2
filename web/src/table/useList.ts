import type { UseInfiniteQueryResult } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";

interface Loaded<P> {
  pages: P[];
}

/** useList flattens the pages of a list. rows is stable while the data is; more is absent on the last page and while one is coming. */
export function useList<P, T>(query: UseInfiniteQueryResult<Loaded<P>>, itemsOf: (page: P) => T[]) {
  const { data, hasNextPage, isFetchingNextPage, isPlaceholderData, fetchNextPage } = query;
  const rows = useMemo(() => data?.pages.flatMap(itemsOf) ?? [], [data, itemsOf]);
  const next = useCallback(() => void fetchNextPage(), [fetchNextPage]);
  return {
    rows,
    /** The last page has the newest counts. */
    page: data?.pages.at(-1),
    more: hasNextPage && !isFetchingNextPage && !isPlaceholderData ? next : undefined,
    busy: isFetchingNextPage,
    loading: query.isPending,
    error: query.error,
  };
}
