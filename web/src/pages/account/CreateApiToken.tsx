import "@mantine/dates/styles.layer.css";
import { Button, TextInput } from "@mantine/core";
import { DatePickerInput } from "@mantine/dates";
import { useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import dayjs from "dayjs";
import { api, must } from "../../api/client";
import { messageOf } from "../../api/problem";
import { CopyBox } from "../../parts/CopyBox";
import { Note } from "../../parts/Notes";

const usual = 90;
const longest = 365;
const day = "YYYY-MM-DD";

/** CreateApiToken makes a token that is valid until the end of a day, and shows its secret for the only time. */
export function CreateApiToken() {
  const client = useQueryClient();
  const form = useForm({
    initialValues: { name: "", until: dayjs().add(usual, "day").format(day) },
    validate: { name: (name) => (name.trim() ? null : "Say what it is for, as: backup script") },
  });
  const create = useMutation({
    mutationFn: ({ name, until }: { name: string; until: string }) => {
      const minutes = Math.max(1, dayjs(until).endOf("day").diff(dayjs(), "minute"));
      return must(api.POST("/api/v1/tokens", { body: { name: name.trim(), ttl: `${minutes}m` } }));
    },
    onSuccess: () => {
      form.setFieldValue("name", "");
      void client.invalidateQueries({ queryKey: ["tokens"] });
    },
  });
  return (
    <form className="stack" onSubmit={form.onSubmit((values) => create.mutate(values))} noValidate>
      {create.error && <Note tone="bad">{messageOf(create.error)}</Note>}
      {create.data?.secret && (
        <>
          <Note tone="warn">The secret of “{create.data.name}” is shown now and never again.</Note>
          <CopyBox label="API token" text={create.data.secret} />
        </>
      )}
      <div className="filters">
        <TextInput label="What for" placeholder="backup script" style={{ width: 240 }} {...form.getInputProps("name")} />
        <DatePickerInput
          label="Valid through"
          size="xs"
          valueFormat={day}
          minDate={dayjs().format(day)}
          maxDate={dayjs().add(longest - 1, "day").format(day)}
          style={{ width: 150 }}
          {...form.getInputProps("until")}
        />
        <Button type="submit" size="xs" loading={create.isPending} className="beside-labels">
          Make token
        </Button>
      </div>
    </form>
  );
}
