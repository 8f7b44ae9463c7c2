import { Button } from "@mantine/core";
import { IconBan, IconPlayerPlay, IconSignature } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, must } from "../../api/client";
import type { Plan } from "../../api/types";
import { Confirm } from "../../parts/Confirm";
import { ApprovePlan } from "./ApprovePlan";
import { StartRollout } from "./StartRollout";

/** PlanActions are what can be done with a plan as it is now: cancel it, approve it, start its rollout. */
export function PlanActions({ plan }: { plan: Plan }) {
  const client = useQueryClient();
  const [ask, setAsk] = useState<"approve" | "cancel" | "start">();
  const close = () => setAsk(undefined);
  const again = () => void client.invalidateQueries({ queryKey: ["plan", plan.id] });
  return (
    <>
      {plan.state !== "canceled" && plan.rollouts.length === 0 && (
        <Button variant="default" leftSection={<IconBan size={14} />} onClick={() => setAsk("cancel")}>
          Cancel plan …
        </Button>
      )}
      {plan.state === "ready" && plan.required === 0 && (
        <Button leftSection={<IconSignature size={14} />} disabled={!plan.approvable} onClick={() => setAsk("approve")}>
          Approve …
        </Button>
      )}
      {plan.state === "approved" && (
        <Button leftSection={<IconPlayerPlay size={14} />} onClick={() => setAsk("start")}>
          Start rollout …
        </Button>
      )}
      {ask === "approve" && <ApprovePlan plan={plan} close={close} />}
      {ask === "start" && <StartRollout plan={plan} close={close} />}
      {ask === "cancel" && (
        <Confirm
          title="Cancel this plan?"
          verb="Cancel the plan"
          keep="Keep it"
          close={close}
          run={() => must(api.POST("/api/v1/plans/{plan}/cancel", { params: { path: { plan: plan.id } } }))}
          done={again}
        >
          It can then neither be approved nor started. Nothing was installed by it. A new plan asks the hosts again.
        </Confirm>
      )}
    </>
  );
}
