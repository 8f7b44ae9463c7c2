import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { api, must } from "./client";
import { pages } from "./pasts";
import { asked } from "./queries";
import type { PlanPage, Priority, RolloutPage } from "./types";

/** Questions about plans, rollouts, runs and what came of them; keys as in queries.ts. */
const pageSize = 100;

export const plansQuery = infiniteQueryOptions({
  ...pages,
  queryKey: ["plans"],
  queryFn: ({ signal, pageParam }): Promise<PlanPage> =>
    must(api.GET("/api/v1/plans", { signal, params: { query: asked({ limit: pageSize, cursor: pageParam }) } })),
});

export const planQuery = (plan: string) =>
  queryOptions({
    queryKey: ["plan", plan],
    queryFn: ({ signal }) => must(api.GET("/api/v1/plans/{plan}", { signal, params: { path: { plan } } })),
  });

export const rolloutsQuery = infiniteQueryOptions({
  ...pages,
  queryKey: ["rollouts"],
  queryFn: ({ signal, pageParam }): Promise<RolloutPage> =>
    must(api.GET("/api/v1/rollouts", { signal, params: { query: asked({ limit: pageSize, cursor: pageParam }) } })),
});

export const rolloutQuery = (rollout: string) =>
  queryOptions({
    queryKey: ["rollout", rollout],
    queryFn: ({ signal }) => must(api.GET("/api/v1/rollouts/{rollout}", { signal, params: { path: { rollout } } })),
  });

export const runQuery = (run: string) =>
  queryOptions({
    queryKey: ["run", run],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => must(api.GET("/api/v1/runs/{run}", { signal, params: { path: { run } } })),
  });

export interface Log {
  lines: string[];
  last: number;
  ended: boolean;
}

const logPage = 5000;

/** runLogQuery reads on from where it was: each answer is laid behind what is here, so that a long log is fetched once. */
export const runLogQuery = (run: string) =>
  queryOptions({
    queryKey: ["run-log", run],
    queryFn: async ({ signal, client }): Promise<Log> => {
      let log = client.getQueryData<Log>(["run-log", run]) ?? { lines: [], last: 0, ended: false };
      for (;;) {
        const query = asked({ after: log.last || undefined, limit: logPage });
        const more = await must(api.GET("/api/v1/runs/{run}/log", { signal, params: { path: { run }, query } }));
        if (more.lines.length === 0) return log.ended === more.ended ? log : { ...log, ended: more.ended };
        log = { lines: [...log.lines, ...more.lines], last: more.last, ended: more.ended };
        if (more.lines.length < logPage) return log;
      }
    },
    refetchInterval: ({ state }) => (state.data?.ended ? false : 1000),
  });

export interface ReportQuery {
  selector: string;
  since: string;
  priority?: Priority;
}

export const complianceQuery = (query: ReportQuery) =>
  queryOptions({
    queryKey: ["compliance", query],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => must(api.GET("/api/v1/reports/compliance", { signal, params: { query: asked(query) } })),
  });

export interface MetricsQuery {
  selector: string;
  from: string;
  to?: string;
  clock: string;
}

export const metricsQuery = (query: MetricsQuery) =>
  queryOptions({
    queryKey: ["metrics", query],
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => must(api.GET("/api/v1/reports/metrics", { signal, params: { query: asked(query) } })),
  });

/** trendQuery is the fleet at the end of each of the last ninety days. A day that is over does not change; which are counted does. */
export const trendQuery = queryOptions({
  queryKey: ["trend"],
  staleTime: 5 * 60_000,
  queryFn: ({ signal }) => must(api.GET("/api/v1/reports/trend", { signal })),
});

export const verifyEventsQuery = queryOptions({
  queryKey: ["events-verify"],
  enabled: false, // goes through the whole log: only when somebody asks
  queryFn: ({ signal }) => must(api.GET("/api/v1/events/verify", { signal })),
});
