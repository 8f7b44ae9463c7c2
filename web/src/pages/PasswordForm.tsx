import { Button, PasswordInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { api, must } from "../api/client";
import { Problem } from "../api/problem";
import { Failure } from "../parts/Notes";

const shortest = 12;

/** PasswordForm changes the caller's password; what makes a password acceptable beyond its length is the server's word. */
export function PasswordForm({ current, done }: { current: string; done: () => void }) {
  const form = useForm({
    mode: "uncontrolled",
    initialValues: { current: "", new: "", again: "" },
    validate: {
      current: (value) => (value ? null : "Type the password you have now"),
      new: (value) => (value.length >= shortest ? null : `At least ${shortest} characters: a few words are good`),
      again: (value, all) => (value === all.new ? null : "The two do not match"),
    },
  });
  const change = useMutation({
    mutationFn: (body: { current: string; new: string }) => must(api.POST("/api/v1/session/password", { body })),
    onSuccess: () => {
      form.reset();
      done();
    },
    onError: (error) => {
      if (error instanceof Problem) form.setErrors(error.fields);
    },
  });
  return (
    <form onSubmit={form.onSubmit((values) => change.mutate({ current: values.current, new: values.new }))} noValidate>
      <div className="stack">
        {change.error && <Failure error={change.error} />}
        <PasswordInput label={current} autoComplete="current-password" key={form.key("current")} {...form.getInputProps("current")} />
        <PasswordInput
          label="New password"
          description={`At least ${shortest} characters.`}
          autoComplete="new-password"
          key={form.key("new")}
          {...form.getInputProps("new")}
        />
        <PasswordInput label="New password again" autoComplete="new-password" key={form.key("again")} {...form.getInputProps("again")} />
        <Button type="submit" size="sm" loading={change.isPending}>
          Change password
        </Button>
      </div>
    </form>
  );
}
