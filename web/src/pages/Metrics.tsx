import { Select, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { metricsQuery } from "../api/patch";
import { Problem } from "../api/problem";
import { Search, Selector } from "../parts/Fields";
import { Empty, Failure } from "../parts/Notes";
import { Page, Section } from "../parts/Page";
import { utc } from "../format/time";
import { DataTable } from "../table/DataTable";
import { useUrlState } from "../url/useUrlState";
import { metricsColumns } from "./metrics/columns";
import { Coverage } from "./metrics/Coverage";
import { Formulas } from "./metrics/Formulas";

const defaults = { selector: "", days: "30", from: "", to: "", clock: "" };
const periods = [...["7", "30", "90", "365"].map((value) => ({ value, label: `the last ${value} days` })), { value: "between", label: "between two days" }];
const length = 86_400_000;

/** MetricsPage is figures of a period: how long patching took, what was exposed and for how long, how much of the fleet was seen, and how much was in time. */
export function MetricsPage() {
  const [{ selector, days, from, to, clock }, set] = useUrlState(defaults);
  const [opened] = useState(() => Date.now());
  const between = days === "between";
  const period = periods.some(({ value }) => value === days) ? days : defaults.days;
  const asked = between ? { from: dayStart(from), to: dayStart(to, 1) } : { from: new Date(opened - Number(period) * length).toISOString() };
  const ready = asked.from !== undefined;
  const query = useQuery({ ...metricsQuery({ selector, clock, ...asked, from: asked.from ?? "" }), enabled: ready });
  const refused = query.error instanceof Problem && query.error.status === 422 ? query.error.message : undefined;
  const bad = { selector: refused?.startsWith("selector") ? refused : undefined, clock: refused?.includes("clock") ? refused : undefined };
  const data = refused ? undefined : query.data;
  return (
    <Page title="Metrics" aside={data && <span className="num">{`${utc(data.from).slice(0, 16)} to ${utc(data.to).slice(0, 16)} UTC`}</span>}>
      <div className="filters">
        <Select aria-label="Period" data={periods} value={period} allowDeselect={false} onChange={(value) => set({ days: value ?? defaults.days })} />
        {between && (
          <>
            <TextInput type="date" aria-label="From" value={from} onChange={(event) => set({ from: event.currentTarget.value }, { replace: true })} />
            <TextInput type="date" aria-label="To, with this day" value={to} onChange={(event) => set({ to: event.currentTarget.value }, { replace: true })} />
          </>
        )}
        <Selector value={selector} onChange={(value) => set({ selector: value }, { replace: true })} problem={bad.selector} width={270} />
        <Search label="Clock" placeholder="Clock: urgent=15d,high=30d" value={clock} onChange={(value) => set({ clock: value }, { replace: true })} width={250} />
      </div>
      {query.error && !bad.selector && <Failure error={query.error} retry={() => void query.refetch()} />}
      {!ready && <Empty title="Give the first day of the period." />}
      {data && <Coverage of={data} />}
      <div className="metrics">
        <DataTable
          natural
          label="Metrics by priority"
          columns={metricsColumns}
          rows={data?.rows ?? []}
          rowKey={(row) => row.priority}
          loading={ready && query.isPending}
          minWidth={1040}
          empty={<Empty title={refused ? "These cannot be counted: the field says why." : "Nothing to count."} />}
        />
      </div>
      <Section title="What each figure is">
        <Formulas clock={data?.clock ?? []} />
      </Section>
    </Page>
  );
}

/** dayStart is the first moment of a day, or of the one that comes so many after it; undefined for what is no day. */
function dayStart(day: string, after = 0): string | undefined {
  const at = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(at) ? undefined : new Date(at + after * length).toISOString();
}
