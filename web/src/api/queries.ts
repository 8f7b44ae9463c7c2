import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import type { Past } from "../url/past";
import { api, must } from "./client";
import { ofItsTime, pages } from "./pasts";
import { Problem } from "./problem";
import type { EventPage, FindingPage, FleetUpdatePage, HistoryPage, HostPage, Priority, Session, VulnDetail, VulnPage } from "./types";

/**
 * Every question the console asks. The first part of a key is the noun that live messages invalidate (live.ts); the rest is what
 * was asked. Lists come in pages of a size that fills a tall screen twice.
 */
const pageSize = 200;

export interface ListQuery extends Past {
  selector?: string;
  q?: string;
  sort?: string;
  desc?: boolean;
}

/** asked leaves out what is empty: the server refuses parameters it does not know, and an empty one is no question. */
export function asked<T extends object>(query: T): T {
  return Object.fromEntries(Object.entries(query).filter(([, value]) => value !== "" && value !== undefined && value !== false)) as T;
}

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  staleTime: 60_000,
  queryFn: ({ signal }): Promise<Session | null> =>
    must(api.GET("/api/v1/session", { signal })).catch((error: unknown) => {
      if (error instanceof Problem && error.status === 401) return null;
      throw error;
    }),
});

export const overviewQuery = (query: Past & { selector?: string }) =>
  queryOptions({
    ...ofItsTime(query),
    queryKey: ["overview", query],
    queryFn: ({ signal }) => must(api.GET("/api/v1/overview", { signal, params: { query: asked(query) } })),
  });

export const hostsQuery = (query: ListQuery) =>
  infiniteQueryOptions({
    ...pages,
    ...ofItsTime(query),
    queryKey: ["hosts", query],
    queryFn: ({ signal, pageParam }): Promise<HostPage> =>
      must(api.GET("/api/v1/hosts", { signal, params: { query: asked({ ...query, limit: pageSize, cursor: pageParam }) } })),
  });

export const hostQuery = (host: string) =>
  queryOptions({
    queryKey: ["host", host],
    queryFn: ({ signal }) => must(api.GET("/api/v1/hosts/{host}", { signal, params: { path: { host } } })),
  });

export const hostPackagesQuery = (host: string) =>
  queryOptions({
    queryKey: ["host-packages", host],
    queryFn: ({ signal }) => must(api.GET("/api/v1/hosts/{host}/packages", { signal, params: { path: { host } } })),
  });

export const hostUpdatesQuery = (host: string) =>
  queryOptions({
    queryKey: ["host-updates", host],
    queryFn: ({ signal }) => must(api.GET("/api/v1/hosts/{host}/updates", { signal, params: { path: { host } } })),
  });

export const hostFindingsQuery = (host: string, query: ListQuery & { priority?: Priority }) =>
  infiniteQueryOptions({
    ...pages,
    ...ofItsTime(query),
    queryKey: ["host-findings", host, query],
    queryFn: ({ signal, pageParam }): Promise<FindingPage> =>
      must(
        api.GET("/api/v1/hosts/{host}/findings", {
          signal,
          params: { path: { host }, query: asked({ ...query, limit: pageSize, cursor: pageParam }) },
        }),
      ),
  });

export const hostHistoryQuery = (host: string) =>
  infiniteQueryOptions({
    ...pages,
    queryKey: ["host-history", host],
    queryFn: ({ signal, pageParam }): Promise<HistoryPage> =>
      must(
        api.GET("/api/v1/hosts/{host}/history", { signal, params: { path: { host }, query: asked({ limit: 50, cursor: pageParam }) } }),
      ),
  });

export const vulnerabilitiesQuery = (query: ListQuery & { priority?: Priority; source?: string }) =>
  infiniteQueryOptions({
    ...pages,
    ...ofItsTime(query),
    queryKey: ["vulnerabilities", query],
    queryFn: ({ signal, pageParam }): Promise<VulnPage> =>
      must(api.GET("/api/v1/vulnerabilities", { signal, params: { query: asked({ ...query, limit: pageSize, cursor: pageParam }) } })),
  });

export const vulnerabilityQuery = (id: string, query: ListQuery) =>
  infiniteQueryOptions({
    ...pages,
    ...ofItsTime(query),
    getNextPageParam: (last: VulnDetail) => last.hosts.next || undefined,
    queryKey: ["vulnerability", id, query],
    queryFn: ({ signal, pageParam }): Promise<VulnDetail> =>
      must(
        api.GET("/api/v1/vulnerabilities/{id}", {
          signal,
          params: { path: { id }, query: asked({ ...query, limit: pageSize, cursor: pageParam }) },
        }),
      ),
  });

export const updatesQuery = (query: ListQuery) =>
  infiniteQueryOptions({
    ...pages,
    ...ofItsTime(query),
    queryKey: ["updates", query],
    queryFn: ({ signal, pageParam }): Promise<FleetUpdatePage> =>
      must(api.GET("/api/v1/updates", { signal, params: { query: asked({ ...query, limit: pageSize, cursor: pageParam }) } })),
  });

export const eventsQuery = (host: string) =>
  infiniteQueryOptions({
    ...pages,
    queryKey: ["events", host],
    queryFn: ({ signal, pageParam }): Promise<EventPage> =>
      must(api.GET("/api/v1/events", { signal, params: { query: asked({ host, limit: pageSize, cursor: pageParam }) } })),
  });

export const feedsQuery = queryOptions({
  queryKey: ["feeds"],
  queryFn: ({ signal }) => must(api.GET("/api/v1/feeds", { signal })),
});

/** feedWorkQuery asks every second: it is for whoever waits for an import or an export. */
export const feedWorkQuery = queryOptions({
  queryKey: ["feed-work"],
  refetchInterval: 1000,
  queryFn: ({ signal }) => must(api.GET("/api/v1/feeds/work", { signal })),
});

export const enrollTokensQuery = queryOptions({
  queryKey: ["enroll-tokens"],
  queryFn: ({ signal }) => must(api.GET("/api/v1/enroll-tokens", { signal })),
});

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: ({ signal }) => must(api.GET("/api/v1/tokens", { signal })),
});
