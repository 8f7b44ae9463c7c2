import { Button, Modal, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, must } from "../../api/client";
import { messageOf } from "../../api/problem";
import type { Host } from "../../api/types";
import { labelText, parseLabels } from "../../format/selector";

/** EditLabels edits all labels as text, one on a line: the fastest form to read, to paste and to change. */
export function EditLabels({ host, close }: { host: Host; close: () => void }) {
  const client = useQueryClient();
  const [text, setText] = useState(labelText(host.labels).replaceAll(",", "\n"));
  const { labels, problem } = parseLabels(text);
  const save = useMutation({
    mutationFn: () => must(api.PUT("/api/v1/hosts/{host}/labels", { params: { path: { host: host.id } }, body: { labels } })),
    onSuccess: () => {
      void client.invalidateQueries();
      close();
    },
  });
  return (
    <Modal opened onClose={close} title={`Labels of ${host.name}`}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!problem) save.mutate();
        }}
      >
        <Textarea
          label="One on a line, as env=prod"
          autosize
          minRows={4}
          maxRows={16}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          error={problem ?? (save.error ? messageOf(save.error) : undefined)}
          classNames={{ input: "mono" }}
          spellCheck={false}
          data-autofocus
        />
        <div className="row">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending} disabled={problem !== undefined}>
            Save
          </Button>
        </div>
      </form>
    </Modal>
  );
}
