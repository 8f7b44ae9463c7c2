import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { planQuery } from "../../api/patch";
import type { Plan } from "../../api/types";
import { who } from "../../format/actors";
import { count } from "../../format/numbers";
import { Age } from "../../parts/Age";
import { Failure } from "../../parts/Notes";
import { Page } from "../../parts/Page";
import { PlanState } from "../../parts/PatchState";
import { useUrlState } from "../../url/useUrlState";
import { Approval } from "./Approval";
import { Changes } from "./Changes";
import { Cohorts } from "./Cohorts";
import { PlanActions } from "./PlanActions";
import { PlanHosts } from "./PlanHosts";
import { PlanNotes } from "./PlanNotes";
import { PlanTallies } from "./PlanTallies";

const defaults = { tab: "changes" };
const tabs = ["changes", "cohorts", "hosts", "approval"];

/** PlanPage is the preview of a plan: what the hosts said they would do, who may not, and what stands between it and a rollout. */
export function PlanPage() {
  const { plan: id = "" } = useParams();
  const query = useQuery(planQuery(id));
  const plan = query.data;
  return (
    <Page
      fixed
      title="Plan"
      aside={
        plan && (
          <>
            <PlanState name={plan.state} />
            <Age at={plan.created_at} prefix={`created by ${who(plan.created_by)}`} />
            <span className="mono">{plan.id}</span>
          </>
        )
      }
      actions={plan && <PlanActions plan={plan} />}
    >
      {query.error && <Failure error={query.error} retry={() => void query.refetch()} />}
      {plan && <PlanNotes plan={plan} />}
      {plan && <PlanTallies plan={plan} />}
      {plan && <Views plan={plan} />}
      {!plan && !query.error && <span className="muted">Loading …</span>}
    </Page>
  );
}

function Views({ plan }: { plan: Plan }) {
  const [{ tab }, set] = useUrlState(defaults);
  const shown = tabs.includes(tab) ? tab : defaults.tab;
  return (
    <Tabs value={shown} onChange={(next) => set({ tab: next ?? defaults.tab })} classNames={{ root: "tabs", panel: "tab-panel", tab: "tab" }}>
      <Tabs.List>
        <Tabs.Tab value="changes">
          Changes <span className="num muted">{count(plan.changes.length)}</span>
        </Tabs.Tab>
        <Tabs.Tab value="cohorts">
          Cohorts <span className="num muted">{count(plan.cohorts.length)}</span>
        </Tabs.Tab>
        <Tabs.Tab value="hosts">
          Hosts <span className="num muted">{count(plan.hosts.length)}</span>
        </Tabs.Tab>
        <Tabs.Tab value="approval">Approval</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="changes">
        <Changes plan={plan} />
      </Tabs.Panel>
      <Tabs.Panel value="cohorts">
        <Cohorts plan={plan} />
      </Tabs.Panel>
      <Tabs.Panel value="hosts">
        <PlanHosts plan={plan} />
      </Tabs.Panel>
      <Tabs.Panel value="approval">
        <Approval plan={plan} />
      </Tabs.Panel>
    </Tabs>
  );
}
