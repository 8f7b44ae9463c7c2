import { Button, Modal, NumberInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { api, must } from "../../api/client";
import type { Plan } from "../../api/types";
import { counted } from "../../format/numbers";
import { Failure } from "../../parts/Notes";

/** StartRollout asks how many hosts may be at work at the same time, and starts. */
export function StartRollout({ plan, close }: { plan: Plan; close: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { most: 1 },
    validate: { most: (n) => (Number.isInteger(n) && n >= 1 && n <= 10_000 ? null : "From 1 to 10,000") },
  });
  const start = useMutation({
    mutationFn: ({ most }: { most: number }) => must(api.POST("/api/v1/rollouts", { body: { plan: plan.id, max_concurrent: most } })),
    onSuccess: (rollout) => {
      client.setQueryData(["rollout", rollout.id], rollout);
      void client.invalidateQueries({ queryKey: ["plan", plan.id] });
      close();
      void navigate(`/rollouts/${encodeURIComponent(rollout.id)}`);
    },
  });
  const hosts = plan.hosts.filter(({ state }) => state === "simulated").length;
  return (
    <Modal opened onClose={close} title={`Install on ${counted(hosts, "host")}?`}>
      <form className="stack" onSubmit={form.onSubmit((values) => start.mutate(values))} noValidate>
        <p>
          Hosts are worked on one after another, or several at a time. A host that fails, or falls silent, stops the rollout: no further host is begun,
          and those at work finish.
        </p>
        <NumberInput
          label="Hosts at work at the same time"
          min={1}
          max={10_000}
          allowDecimal={false}
          style={{ width: 220 }}
          data-autofocus
          key={form.key("most")}
          {...form.getInputProps("most")}
        />
        {start.error && <Failure error={start.error} />}
        <div className="row">
          <Button variant="default" onClick={close}>
            Not yet
          </Button>
          <Button type="submit" loading={start.isPending}>
            Start
          </Button>
        </div>
      </form>
    </Modal>
  );
}
