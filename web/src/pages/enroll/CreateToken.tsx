import { Button, NumberInput, Select, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, must } from "../../api/client";
import { messageOf } from "../../api/problem";
import type { EnrollToken } from "../../api/types";
import { parseLabels } from "../../format/selector";
import { Note } from "../../parts/Notes";
import { Section } from "../../parts/Page";

const lifetimes = [
  { value: "15m", label: "15 minutes" },
  { value: "1h", label: "1 hour" },
  { value: "8h", label: "8 hours" },
  { value: "24h", label: "24 hours" },
];

const approvals = [
  { value: "", label: "as usual: one use yes, more no" },
  { value: "yes", label: "approved at once" },
  { value: "no", label: "wait for approval" },
];

export function CreateToken({ made }: { made: (token: EnrollToken) => void }) {
  const client = useQueryClient();
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { labels: "", ttl: "1h", uses: 1, approve: "" },
    validate: {
      labels: (text) => parseLabels(text).problem ?? null,
      uses: (n) => (Number.isInteger(n) && n >= 1 && n <= 10_000 ? null : "From 1 to 10,000"),
    },
  });
  const create = useMutation({
    mutationFn: ({ labels, ttl, uses, approve }: ReturnType<typeof form.getValues>) =>
      must(
        api.POST("/api/v1/enroll-tokens", {
          body: { labels: parseLabels(labels).labels, ttl, uses, ...(approve ? { approve: approve === "yes" } : {}) },
        }),
      ),
    onSuccess: (token) => {
      made(token);
      void client.invalidateQueries({ queryKey: ["enroll-tokens"] });
    },
  });
  return (
    <Section title="Let hosts in" aside="Make a token, then paste the command that comes with it on each host.">
      <form className="stack" onSubmit={form.onSubmit((values) => create.mutate(values))} noValidate>
        {create.error && <Note tone="bad">{messageOf(create.error)}</Note>}
        <div className="filters">
          <TextInput label="Labels for its hosts" placeholder="env=prod,role=web" style={{ width: 260 }} key={form.key("labels")} {...form.getInputProps("labels")} />
          <Select label="Valid for" data={lifetimes} allowDeselect={false} style={{ width: 130 }} key={form.key("ttl")} {...form.getInputProps("ttl")} />
          <NumberInput label="Hosts" min={1} max={10_000} allowDecimal={false} style={{ width: 90 }} key={form.key("uses")} {...form.getInputProps("uses")} />
          <Select label="Its hosts are" data={approvals} allowDeselect={false} style={{ width: 230 }} key={form.key("approve")} {...form.getInputProps("approve")} />
          <Button type="submit" size="xs" loading={create.isPending} className="beside-labels">
            Make token
          </Button>
        </div>
      </form>
    </Section>
  );
}
