import type { ReactNode } from "react";
import type { Plan, CreatePlan } from "../../api/types";
import { who } from "../../format/actors";
import { utc } from "../../format/time";
import { Age } from "../../parts/Age";
import { Note } from "../../parts/Notes";
import { Facts, Section } from "../../parts/Page";

/** Approval is what was asked for, and whose word stands behind it. */
export function Approval({ plan }: { plan: Plan }) {
  return (
    <div className="scroll">
      <div className="columns">
        <Section title="What was asked for">
          <Facts of={wish(plan.spec)} />
        </Section>
        <Section title="Approval">
          <div className="stack">
            <Facts of={approval(plan)} />
            {plan.signatures.length > 0 && <Whose plan={plan} />}
          </div>
        </Section>
      </div>
    </div>
  );
}

function wish(spec: CreatePlan): [string, ReactNode][] {
  const list = (of: string[] | undefined, none: string) => (of && of.length > 0 ? <span className="mono">{of.join(", ")}</span> : none);
  return [
    ["Hosts", spec.selector ? <span className="mono">{spec.selector}</span> : "every approved host"],
    ["Updates", spec.security ? "from a security archive only" : "all that would be installed now"],
    ["Packages", list(spec.packages, "all")],
    ["But not", list(spec.exclude, "nothing left out")],
    ["Fixing", list(spec.fixes, "any")],
    ["Removals", spec.allow_removals ? <b className="urgent">allowed</b> : "not allowed: such hosts are refused"],
    ["New packages", spec.allow_new ? <b className="high">allowed</b> : "not allowed: such hosts are refused"],
    ["Reboot", spec.reboot === "if-required" ? <b className="high">if required, at once</b> : "never: left to a person"],
  ];
}

function approval(plan: Plan): [string, ReactNode][] {
  const none = <span className="muted">not yet</span>;
  return [
    ["Hash", plan.hash ? <span className="mono">{plan.hash}</span> : <span className="muted">when the hosts have answered</span>],
    ["Approved", plan.approved_at ? <Age at={plan.approved_at} prefix={`by ${who(plan.approved_by ?? "")}`} /> : none],
    ["Starts until", plan.not_after ? <span className="num">{utc(plan.not_after)}</span> : none],
    ...plan.signatures.map(({ principal, fingerprint, at }): [string, ReactNode] => [
      principal === "server" ? "Signed by server" : `Signed by ${principal}`,
      <span>
        <span className="mono">{fingerprint}</span>, <Age at={at} />
      </span>,
    ]),
  ];
}

function Whose({ plan }: { plan: Plan }) {
  const people = plan.signatures.filter(({ principal }) => principal !== "server").length;
  if (people > 0) return <Note tone="info">Each host checks these signatures against its own list of who may approve.</Note>;
  return (
    <Note tone="warn">
      Only the server’s own key signed this: who controls the server could have approved it too. A site can require people’s SSH keys, which each host
      checks itself.
    </Note>
  );
}
