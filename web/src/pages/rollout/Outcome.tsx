import type { ReactNode } from "react";
import type { LockChange, PackageState, RunOutcome } from "../../api/types";
import { counted } from "../../format/numbers";
import { Note } from "../../parts/Notes";
import { Facts, Section } from "../../parts/Page";
import { State } from "../../parts/State";
import { DataTable } from "../../table/DataTable";
import type { Column } from "../../table/columns";

interface Row extends PackageState {
  wanted: string;
}

const whole = (row: PackageState) => row.state === "absent" || row.state.startsWith("installed");

const columns: Column<Row>[] = [
  { id: "name", header: "Package", width: 170, title: (r) => r.name, cell: (r) => <b>{r.name}</b> },
  {
    id: "state",
    header: "In the package database",
    title: (r) => r.state,
    cell: (r) => (whole(r) ? <State tone="ok">{r.state}</State> : <State tone="bad">{r.state}</State>),
  },
  { id: "wanted", header: "Planned", mono: true, title: (r) => r.wanted, cell: (r) => r.wanted || <span className="muted">not in the plan</span> },
];

/** Outcome is what the package database said after the run: that, and no exit code, is how it ended. */
export function Outcome({ outcome, changes }: { outcome: RunOutcome; changes: LockChange[] }) {
  const wanted = new Map(changes.map((change) => [change.name, change.action === "remove" ? "removed" : (change.to ?? "")]));
  const broken = rowsOf(outcome.broken, wanted);
  const names = new Set(broken.map(({ name }) => name));
  const rows = [...broken, ...rowsOf(outcome.installed, wanted).filter(({ name }) => !names.has(name))];
  return (
    <Section title="Packages after the run" aside={counted(rows.length, "package")}>
      <div className="stack">
        {broken.length > 0 && (
          <Note tone="bad">
            {counted(broken.length, "package")} left unfinished: {broken.map(({ name, state }) => `${name} (${state})`).join(", ")}. The host needs a person.
          </Note>
        )}
        {rows.length > 0 && (
          <div className="capped">
            <DataTable natural label="Packages after the run" columns={columns} rows={rows} rowKey={(r) => `${r.name} ${r.state}`} empty={null} />
          </div>
        )}
        <Facts of={rest(outcome)} />
      </div>
    </Section>
  );
}

function rowsOf(of: PackageState[], wanted: Map<string, string>): Row[] {
  return of.map((state) => ({ ...state, wanted: wanted.get(state.name) ?? "" }));
}

function rest(outcome: RunOutcome): [string, ReactNode][] {
  const none = <span className="muted">none</span>;
  const list = (of: string[]) => (of.length > 0 ? of.join(", ") : none);
  const facts: [string, ReactNode][] = [
    ["Restarted", list(outcome.restarted)],
    ["Old files in use", list(outcome.stale)],
    ["Kept configuration", list(outcome.conffiles)],
    ["Reboot", outcome.reboot.required ? <State tone="warn">required: {outcome.reboot.reasons.join("; ")}</State> : "not required"],
  ];
  return outcome.class ? [["Kind of failure", outcome.class.replace("_", " ")], ...facts] : facts;
}
