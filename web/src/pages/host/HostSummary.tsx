import type { HostDetail } from "../../api/types";
import { Age } from "../../parts/Age";
import { Facts, Section } from "../../parts/Page";
import { State } from "../../parts/State";
import { HardwareFacts } from "./HardwareFacts";
import { Lifecycle } from "./Lifecycle";
import { RepositoryList } from "./RepositoryList";

/** HostSummary is what a host is: its software facts, its machine, where its packages come from, and how we know it. */
export function HostSummary({ detail }: { detail: HostDetail }) {
  const { host, facts, hardware, vitals, since } = detail;
  return (
    <div className="scroll">
      <div className="columns">
        <Section title="System" aside={since.facts && <Age at={since.facts} prefix="unchanged since" />}>
          <SystemFacts detail={detail} />
        </Section>
        <Section title="Hardware" aside={since.hardware && <Age at={since.hardware} prefix="unchanged since" />}>
          <HardwareFacts hardware={hardware} vitals={vitals} />
        </Section>
        <Section title="Agent">
          <Facts
            of={[
              ["Host id", <span className="mono">{host.id}</span>],
              ["Agent", host.agent_version],
              ["Last seen", <Age at={host.last_seen} />],
              ["Enrolled", <Age at={host.enrolled_at} />],
              ["With token", detail.enrolled_by && <span className="mono">{detail.enrolled_by}</span>],
              ["Approved", detail.approved_at ? <span><Age at={detail.approved_at} /> by {detail.approved_by || "its token"}</span> : "no"],
              ["Certificate", <Age at={detail.cert_expires} prefix="expires" />],
            ]}
          />
        </Section>
        <Failed facts={facts} />
      </div>
      <Section title="Repositories" aside={<Age at={host.metadata.as_of} prefix="all refreshed" />}>
        <RepositoryList repositories={detail.repositories} metadata={vitals?.metadata ?? []} />
      </Section>
    </div>
  );
}

function SystemFacts({ detail: { host, facts, vitals } }: { detail: HostDetail }) {
  if (!facts) return <span className="muted">Nothing reported yet.</span>;
  const { kernel, reboot, package_manager: manager } = facts;
  return (
    <Facts
      of={[
        ["System", facts.os.name],
        ["Advisories for", facts.os.ecosystem || <State tone="unknown">no feed covers this release</State>],
        ["Release", <Lifecycle of={host.lifecycle} />],
        ["Kernel", <Kernel running={kernel.running} newest={kernel.newest} />],
        ["Started", <Age at={vitals?.booted_at} never="not reported" />],
        ["Reboot", reboot.required ? <State tone="warn">required</State> : <State tone="ok">not required</State>],
        ...(reboot.required ? ([["Because", [...reboot.reasons, reboot.packages.join(", ")].filter(Boolean).join("; ")]] as [string, string][]) : []),
        ["Virtualization", facts.virtualization],
        ["Package manager", manager.name ? `${manager.name} ${manager.version ?? ""}` : undefined],
        ["Held packages", manager.held.length > 0 ? manager.held.join(", ") : "none"],
        [
          "Package state",
          manager.interrupted || manager.broken.length > 0 ? (
            <State tone="bad">
              {[manager.interrupted && "a transaction was cut off", ...manager.broken.map((p) => `${p.name} ${p.state}`)].filter(Boolean).join(", ")}
            </State>
          ) : (
            <State tone="ok">consistent</State>
          ),
        ],
        ["Architecture", host.arch],
      ]}
    />
  );
}

function Kernel({ running, newest }: { running?: string | undefined; newest?: string | undefined }) {
  if (!running) return <span className="muted">not reported</span>;
  if (!newest || newest === running) return <span className="mono">{running}</span>;
  return (
    <span>
      <span className="mono">{running}</span> runs; <span className="mono">{newest}</span> is installed
    </span>
  );
}

function Failed({ facts }: { facts: HostDetail["facts"] }) {
  const failed = facts?.units.filter((unit) => unit.failed) ?? [];
  return (
    <Section title="Failed units">
      {failed.length === 0 && (facts ? <State tone="ok">none</State> : <span className="muted">not reported</span>)}
      <Facts of={failed.map((unit) => [unit.name, <State tone="bad">failed</State>])} />
    </Section>
  );
}
