import { Button, Modal, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { exportBundle } from "../../api/transfer";
import { save } from "../../format/csv";
import { bytes } from "../../format/numbers";
import { CopyBox } from "../../parts/CopyBox";
import { Failure, Note } from "../../parts/Notes";
import { ServerWork } from "./ServerWork";

/** ExportBundle writes one signed file with what the server knows, for a server without a network. */
export function ExportBundle({ close }: { close: () => void }) {
  const [text, setText] = useState("");
  const run = useMutation({
    mutationFn: () => exportBundle(releasesOf(text)),
    onSuccess: ({ data }) => save(`staunch-feeds-${new Date().toISOString().slice(0, 10)}.bundle`, data),
  });
  return (
    <Modal opened onClose={close} title="Export what is known" size="lg">
      <div className="stack">
        <p>One compressed file, signed by this server, for a server that has no network. It holds what is known of the releases, of exploitation, of support that ends, and your own lists.</p>
        <TextInput label="Releases, with commas between" placeholder="Debian:12,AlmaLinux:9" description="Empty: everything that this server knows." value={text} onChange={(event) => setText(event.currentTarget.value)} data-autofocus />
        {run.error && <Failure error={run.error} />}
        {run.data && (
          <>
            <Note tone="info">The bundle is saved: {bytes(run.data.data.size)}. The other server must trust the key that signed it; give it this line when it imports:</Note>
            <CopyBox label="Key that signed the bundle" text={run.data.signer} />
          </>
        )}
        <div className="row">
          <Button loading={run.isPending} onClick={() => run.mutate()}>
            Export
          </Button>
          <Button variant="default" onClick={close}>
            Close
          </Button>
          {run.isPending && <ServerWork />}
        </div>
      </div>
    </Modal>
  );
}

const releasesOf = (text: string) => [...new Set(text.split(",").map((part) => part.trim()).filter(Boolean))];
