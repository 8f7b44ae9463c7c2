import { keepPreviousData, useQueryClient } from "@tanstack/react-query";
import type { Query } from "@tanstack/react-query";
import { useCallback, useSyncExternalStore } from "react";
import { pastOf } from "../url/past";
import type { Past } from "../url/past";
import { Problem } from "./problem";

/** How questions about the past differ: what is shown never comes from another time, and who asks too early asks again. */

interface Page {
  next?: string;
}

/** pages is what every list that comes in pages has in common. */
export const pages = {
  initialPageParam: "",
  getNextPageParam: (last: Page) => last.next || undefined,
  placeholderData: keepPreviousData,
};

const patience = 300; // times that a past which is being read is asked for: ten minutes, as long as the server reads
const pause = 2000;

const stillRead = (error: unknown) => error instanceof Problem && error.status === 503;

/** ofItsTime keeps what was shown while the next answer is on its way, but only of the same time. */
export function ofItsTime(past: Past) {
  const mine = pastOf([past]);
  const keep = <T>(before: T | undefined, query: { queryKey: readonly unknown[] } | undefined): T | undefined => (pastOf(query?.queryKey) === mine ? before : undefined);
  if (!mine) return { placeholderData: keep };
  return {
    placeholderData: keep,
    staleTime: Infinity,
    retry: (times: number, error: Error) => (stillRead(error) ? times < patience : times < 2 && error instanceof Problem && error.status === 0),
    retryDelay: pause,
  };
}

/** useReadingPast says whether an answer about the past is still on its way: the first about a time can take as long as a start of the server. */
export function useReadingPast(): boolean {
  const cache = useQueryClient().getQueryCache();
  const subscribe = useCallback((changed: () => void) => cache.subscribe(changed), [cache]);
  return useSyncExternalStore(subscribe, () => cache.getAll().some(isReading));
}

function isReading(query: Query): boolean {
  const { status, fetchStatus } = query.state;
  return status === "pending" && fetchStatus !== "idle" && query.getObserversCount() > 0 && pastOf(query.queryKey) !== undefined;
}
