import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { eventsQuery } from "../api/queries";
import type { Event, EventPage } from "../api/types";
import { count } from "../format/numbers";
import { utc } from "../format/time";
import { Age } from "../parts/Age";
import { Empty, Failure } from "../parts/Notes";
import { Facts, Page } from "../parts/Page";
import { Link } from "../url/Link";
import { VerifyButton, VerifyResult } from "./events/VerifyChain";
import { DataTable } from "../table/DataTable";
import type { Column } from "../table/columns";
import { useList } from "../table/useList";
import { useUrlState } from "../url/useUrlState";

const defaults = { host: "" };
const itemsOf = (page: EventPage) => page.items;

const columns: Column<Event>[] = [
  { id: "text", header: "What happened", title: (e) => e.text, cell: (e) => e.text },
  { id: "kind", header: "Kind", width: 160, title: (e) => e.kind, cell: (e) => e.kind },
  { id: "actor", header: "By", width: 140, title: (e) => e.actor, cell: (e) => (e.actor === `host:${e.host}` ? <span className="muted">the host</span> : e.actor) },
  { id: "age", header: "Age", width: 100, cell: (e) => <Age at={e.at} /> },
  { id: "at", header: "At", width: 196, cell: (e) => <span className="num">{utc(e.at)}</span> },
  { id: "seq", header: "No.", width: 64, right: true, cell: (e) => count(e.seq) },
];

/** Events is the append-only log: what happened and who did it, newest first. */
export function Events() {
  const [{ host }, set] = useUrlState(defaults);
  const query = useInfiniteQuery(eventsQuery(host));
  const list = useList(query, itemsOf);
  return (
    <Page
      fixed
      title="Events"
      actions={<VerifyButton />}
      aside={
        host && (
          <span className="row">
            only about host <Link className="mono" to={`/hosts/${encodeURIComponent(host)}`}>{host}</Link>
            <Button variant="default" size="compact-xs" onClick={() => set({ host: "" })}>
              Show all
            </Button>
          </span>
        )
      }
    >
      <VerifyResult />
      {list.error && <Failure error={list.error} retry={() => void query.refetch()} />}
      <DataTable
        server
        label="Events"
        columns={columns}
        rows={list.rows}
        rowKey={(e) => String(e.seq)}
        loading={list.loading}
        more={list.more}
        minWidth={1000}
        expand={(event) => <EventDetail event={event} />}
        empty={<Empty title="Nothing happened yet." />}
      />
      <div className="grid-foot">
        <span className="num">
          {count(list.rows.length)} {list.more ? "newest events loaded" : "events"}
        </span>
        {list.more && (
          <Button variant="subtle" onClick={list.more}>
            Load older
          </Button>
        )}
      </div>
    </Page>
  );
}

function EventDetail({ event }: { event: Event }) {
  return (
    <div className="stack">
      <p className="prose">{event.text}</p>
      <Facts
        of={[
          ...(event.host
            ? ([["Host", <Link className="mono" to={`/hosts/${encodeURIComponent(event.host)}`}>{event.host}</Link>]] as [string, React.ReactNode][])
            : []),
          ...Object.entries(event.data)
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, value]): [string, React.ReactNode] => [name, <Datum name={name} value={value} />]),
        ]}
      />
    </div>
  );
}

const linked: Record<string, string> = { plan: "/plans/", rollout: "/rollouts/" };

function Datum({ name, value }: { name: string; value: string }) {
  const to = linked[name];
  if (!to) return value;
  return (
    <Link className="mono" to={`${to}${encodeURIComponent(value)}`}>
      {value}
    </Link>
  );
}
