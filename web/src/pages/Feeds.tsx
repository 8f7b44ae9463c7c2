import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useOutletContext } from "react-router";
import { api, must } from "../api/client";
import { messageOf } from "../api/problem";
import { feedsQuery } from "../api/queries";
import type { FeedList, FeedStatus, Session } from "../api/types";
import { count, counted } from "../format/numbers";
import { Age } from "../parts/Age";
import { Count } from "../parts/Counts";
import { Empty, Failure, Note } from "../parts/Notes";
import { Facts, Page } from "../parts/Page";
import { State } from "../parts/State";
import { DataTable } from "../table/DataTable";
import type { Column } from "../table/columns";
import { ExportBundle } from "./feeds/ExportBundle";
import { ImportFeeds } from "./feeds/ImportFeeds";

const columns: Column<FeedStatus>[] = [
  { id: "name", header: "Feed", width: 132, title: (f) => f.name, cell: (f) => f.name },
  { id: "title", header: "What it is", width: 214, title: (f) => f.title, cell: (f) => f.title },
  { id: "state", header: "State", width: 226, title: (f) => f.reason ?? f.error ?? f.means, cell: (f) => <FeedState feed={f} /> },
  { id: "as_of", header: "As of", width: 88, cell: (f) => <Age at={f.as_of} /> },
  { id: "changed", header: "Changed", width: 96, cell: (f) => <Age at={f.changed} /> },
  { id: "records", header: "Records", width: 76, right: true, cell: (f) => (f.as_of ? count(f.records) : <span className="muted">–</span>) },
  { id: "skipped", header: "Skipped", width: 74, right: true, cell: (f) => (f.as_of ? <Count n={f.skipped} tone="high" /> : <span className="muted">–</span>) },
  { id: "next", header: "Next", width: 92, cell: (f) => <Age at={f.next} never="not planned" /> },
  { id: "url", header: "Source", mono: true, title: (f) => f.url, cell: (f) => f.url || <span className="muted">{f.as_of ? "imported from a file" : "not known"}</span> },
];

/** Feeds is where knowledge about packages comes from, and how old it is: a failed fetch leaves the last good data in place. */
export function Feeds() {
  const session = useOutletContext<Session>();
  const [ask, setAsk] = useState<"export" | "import">();
  const client = useQueryClient();
  const query = useQuery(feedsQuery);
  const update = useMutation({
    mutationFn: () => must(api.POST("/api/v1/feeds/update", { body: {} })),
    onSuccess: () => {
      notifications.show({ message: "Feeds are being fetched. What changes shows here." });
      void client.invalidateQueries({ queryKey: ["feeds"] });
    },
    onError: (error) => notifications.show({ title: "Not updated", message: messageOf(error), color: "red" }),
  });
  return (
    <Page
      fixed
      title="Feeds"
      actions={
        session.role === "admin" && (
          <>
            <Button variant="default" onClick={() => setAsk("export")}>
              Export …
            </Button>
            <Button variant="default" onClick={() => setAsk("import")}>
              Import …
            </Button>
            <Button variant="default" loading={update.isPending} onClick={() => update.mutate()}>
              Update now
            </Button>
          </>
        )
      }
    >
      {ask === "export" && <ExportBundle close={() => setAsk(undefined)} />}
      {ask === "import" && <ImportFeeds feeds={query.data?.items ?? []} close={() => setAsk(undefined)} />}
      {query.error && <Failure error={query.error} retry={() => void query.refetch()} />}
      {query.data && query.data.not_assessed.length > 0 && <Gaps list={query.data} />}
      <DataTable
        label="Feeds"
        columns={columns}
        rows={query.data?.items ?? []}
        rowKey={(feed) => feed.name}
        loading={query.isPending}
        minWidth={1070}
        expand={(feed) => <FeedDetail feed={feed} />}
        empty={
          <Empty title="No feed was imported yet: no host can be assessed.">
            Update now, or without a network: <span className="mono">staunch feed import PATH</span>
          </Empty>
        }
      />
    </Page>
  );
}

/** Gaps are the releases of hosts that no feed speaks of, in one sentence however many there are. */
function Gaps({ list }: { list: FeedList }) {
  const shown = list.not_assessed.slice(0, 5);
  const more = list.not_assessed.length - shown.length + (list.not_assessed_more ?? 0);
  return (
    <Note tone="warn">
      Not assessed:{" "}
      {shown.map((gap, i) => (
        <span key={gap.release} title={gap.reason}>
          {i > 0 && ", "}
          {gap.release} ({counted(gap.hosts, "host")}: {gap.reason})
        </span>
      ))}
      {more > 0 && ` and ${counted(more, "more release")}`}.
    </Note>
  );
}

function FeedState({ feed }: { feed: FeedStatus }) {
  if (feed.support === "not supported") return <State tone="unknown" title={feed.reason}>not supported{feed.reason ? `: ${feed.reason}` : ""}</State>;
  if (feed.error && feed.as_of) return <State tone="warn" title={feed.error}>last fetch failed, data kept</State>;
  if (feed.error) return <State tone="bad" title={feed.error}>never fetched: {feed.error}</State>;
  if (feed.absent) return <State tone="unknown" title={feed.means}>not there{feed.means ? `: ${feed.means}` : ""}</State>;
  if (!feed.as_of) return <State tone="unknown" title={feed.means}>not fetched yet</State>;
  if (feed.skipped > 0) return <State tone="warn">good, some records skipped</State>;
  return <State tone="ok">good</State>;
}

function FeedDetail({ feed }: { feed: FeedStatus }) {
  return (
    <div className="stack">
      <Facts
        of={[
          ["Source", feed.url ? <span className="mono">{feed.url}</span> : feed.as_of ? "imported from a file" : "not known"],
          ["Last attempt", <Age at={feed.last_attempt} />],
          ...(feed.reason ? ([["Not supported", feed.reason]] as [string, string][]) : []),
          ...(feed.fixes_only ? ([["Says", "what was fixed and nothing else: what it does not name may be there, unfixed"]] as [string, string][]) : []),
          ...(feed.absent ? ([["Not there", "the source or mirror does not have it; it is asked again"]] as [string, string][]) : []),
          ...(feed.means ? ([["Without it", feed.means]] as [string, string][]) : []),
          ["Error", feed.error ? <State tone="bad">{feed.error}</State> : "none"],
        ]}
      />
      {feed.problems.length > 0 && (
        <>
          <p>
            {counted(feed.skipped, "record")} of the last import did not parse and {feed.skipped === 1 ? "was" : "were"} skipped
            {feed.skipped > feed.problems.length ? `; the first ${feed.problems.length}:` : ":"}
          </p>
          <Facts of={feed.problems.map((problem) => [problem.record, problem.reason])} />
        </>
      )}
    </div>
  );
}
