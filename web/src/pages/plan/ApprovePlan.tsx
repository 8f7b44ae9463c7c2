import { Button, Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, must } from "../../api/client";
import { Problem } from "../../api/problem";
import type { Plan } from "../../api/types";
import { count, counted } from "../../format/numbers";
import { Failure } from "../../parts/Notes";
import { Facts } from "../../parts/Page";

/**
 * ApprovePlan approves what its reader saw, and nothing else: it keeps the hash from when it was opened and sends that one, whatever
 * the plan has become meanwhile.
 */
export function ApprovePlan({ plan, close }: { plan: Plan; close: () => void }) {
  const client = useQueryClient();
  const [seen] = useState(plan);
  const approve = useMutation({
    mutationFn: () => must(api.POST("/api/v1/plans/{plan}/approve", { params: { path: { plan: seen.id } }, body: { hash: seen.hash ?? "" } })),
    onSuccess: (approved) => {
      client.setQueryData(["plan", approved.id], approved);
      close();
    },
    onError: () => void client.invalidateQueries({ queryKey: ["plan", seen.id] }),
  });
  const conflict = approve.error instanceof Problem && approve.error.status === 409;
  const hosts = seen.hosts.filter(({ state }) => state === "simulated").length;
  const of = (action: string) => seen.changes.filter((change) => change.action === action).length;
  const left = seen.hosts.filter(({ state }) => state === "refused" || state === "not simulated").length;
  return (
    <Modal opened onClose={close} title={`Approve changes on ${counted(hosts, "host")}?`} size={560}>
      <div className="stack">
        <Facts
          of={[
            ["Upgrades", counted(of("upgrade"), "package")],
            ["New", of("install") > 0 ? <b className="high">{counted(of("install"), "package")}</b> : "none"],
            ["Removed", of("remove") > 0 ? <b className="urgent">{counted(of("remove"), "package")}</b> : "none"],
            ["Left out", left > 0 ? <b className="high">{counted(left, "host")} refused or not simulated</b> : "no host"],
            ["Reboots", reboots(seen)],
            ["Hash", <span className="mono">{seen.hash}</span>],
          ]}
        />
        <p>
          The server signs exactly these bytes with its key, and they never change again. Nothing is installed yet: that takes a rollout, which can be
          started for a week.
        </p>
        {approve.error && <Failure error={approve.error} />}
        {conflict && <p>Somebody else was quicker, or the plan is no longer what you saw. Close this, and look at the plan as it is now.</p>}
        <div className="row">
          <Button variant="default" onClick={close} data-autofocus>
            {conflict ? "Close" : "Not yet"}
          </Button>
          {!conflict && (
            <Button loading={approve.isPending} onClick={() => approve.mutate()}>
              Approve
            </Button>
          )}
        </div>
      </div>
    </Modal>
  );
}

function reboots(plan: Plan): string {
  if (plan.reboots === 0) return "none expected";
  return plan.spec.reboot === "if-required" ? `${count(plan.reboots)} expected, at once` : `${count(plan.reboots)} would be needed and are left to you`;
}
