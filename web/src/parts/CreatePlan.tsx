import { Button, Checkbox, Modal, Radio, SegmentedControl, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { api, must } from "../api/client";
import { Problem, sentence } from "../api/problem";
import type { CreatePlan as Spec } from "../api/types";
import { names, specOf, valuesOf } from "../format/spec";
import type { SpecValues } from "../format/spec";
import { Failure } from "./Notes";

interface Props {
  /** What is filled in when the dialog opens. */
  prefill: Spec;
  close: () => void;
}

const scopes = [
  { value: "all", label: "All updates" },
  { value: "security", label: "Security only" },
];

const tooMany = (text: string) => (names(text).length > 200 ? "At most 200 names: use a pattern, or plan in parts" : null);

/** CreatePlan asks which hosts are to be asked about which updates, and what they may do besides. Nothing is installed by a plan. */
export function CreatePlan({ prefill, close }: Props) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const form = useForm<SpecValues>({
    mode: "uncontrolled",
    initialValues: valuesOf(prefill),
    validate: { packages: tooMany, exclude: tooMany, fixes: tooMany },
  });
  const create = useMutation({
    mutationFn: (values: SpecValues) => must(api.POST("/api/v1/plans", { body: specOf(values) })),
    onSuccess: (plan) => {
      client.setQueryData(["plan", plan.id], plan);
      void client.invalidateQueries({ queryKey: ["plans"] });
      close();
      void navigate(`/plans/${encodeURIComponent(plan.id)}`);
    },
    onError: (error) => {
      if (error instanceof Problem && error.message.startsWith("selector")) form.setFieldError("selector", sentence(error.message));
    },
  });
  const atField = create.error instanceof Problem && create.error.message.startsWith("selector");
  const text = (name: "selector" | "packages" | "exclude" | "fixes") => ({
    key: form.key(name),
    classNames: { input: "mono" },
    spellCheck: false,
    autoComplete: "off",
    ...form.getInputProps(name),
  });
  return (
    <Modal opened onClose={close} title="Create a plan" size={620}>
      <form className="stack" onSubmit={form.onSubmit((values) => create.mutate(values))} noValidate>
        <p className="muted">
          The hosts are asked what exactly they would install. Nothing is changed until you approve their answer and start a rollout.
        </p>
        {create.error && !atField && <Failure error={create.error} />}
        <TextInput label="Hosts" description="A selector; empty means every approved host" placeholder="env=prod,role in (web,api)" data-autofocus {...text("selector")} />
        <div className="row wrap">
          <SegmentedControl aria-label="Which updates" data={scopes} key={form.key("scope")} {...form.getInputProps("scope")} />
          <span className="muted">among those that the package manager would install now</span>
        </div>
        <div className="pair">
          <TextInput label="Only these packages" description="Names or patterns; empty means all" placeholder="openssl, libssl*" {...text("packages")} />
          <TextInput label="But not these" description="Names or patterns" placeholder="linux-image-*" {...text("exclude")} />
        </div>
        <TextInput label="Only what fixes" description="Vulnerabilities; empty means any update" placeholder="CVE-2026-12345" {...text("fixes")} />
        <Checkbox
          label="Hosts may remove packages"
          description="Otherwise a host whose package manager would remove something to do this is refused and left as it is."
          key={form.key("removals")}
          {...form.getInputProps("removals", { type: "checkbox" })}
        />
        <Checkbox
          label="Hosts may install packages that they do not have"
          description="New dependencies, as a new kernel's package. Otherwise a host that would need one is refused."
          key={form.key("added")}
          {...form.getInputProps("added", { type: "checkbox" })}
        />
        <Radio.Group label="Reboot" key={form.key("reboot")} {...form.getInputProps("reboot")}>
          <div className="stack tight choices">
            <Radio value="never" label="Never" description="The need for one is shown; when to reboot is left to you." />
            <Radio value="if-required" label="If required" description="A host reboots by itself, right after its packages, when what was installed asks for it." />
          </div>
        </Radio.Group>
        <div className="row">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending}>
            Ask the hosts
          </Button>
        </div>
      </form>
    </Modal>
  );
}
