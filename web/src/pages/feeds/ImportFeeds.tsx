import { Button, Checkbox, FileInput, Modal, SegmentedControl, Select, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { importBundle, importFeed } from "../../api/transfer";
import type { BundleImport, FeedStatus } from "../../api/types";
import { count, counted } from "../../format/numbers";
import { Age } from "../../parts/Age";
import { Failure, Note } from "../../parts/Notes";
import { State } from "../../parts/State";
import { ServerWork } from "./ServerWork";

const kinds = [
  { value: "bundle", label: "a bundle" },
  { value: "file", label: "one feed's file" },
];

type Done = Partial<BundleImport> & { items: FeedStatus[] };

/** ImportFeeds takes in a bundle of another server, or the file of one feed: each feed whole, or not at all and with the reason. */
export function ImportFeeds({ feeds, close }: { feeds: FeedStatus[]; close: () => void }) {
  const client = useQueryClient();
  const [kind, setKind] = useState("bundle");
  const [file, setFile] = useState<File | null>(null);
  const [name, setName] = useState<string | null>(null);
  const [trust, setTrust] = useState("");
  const [force, setForce] = useState(false);
  const run = useMutation({
    mutationFn: async (): Promise<Done> => {
      if (!file) throw new Error("choose a file");
      if (kind === "bundle") return importBundle(file, { trust: trust.trim(), force });
      return { items: [await importFeed(file, name ?? "")] };
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["feeds"] }),
  });
  const bundle = kind === "bundle";
  return (
    <Modal opened onClose={close} title="Import from a file" size="lg">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          run.mutate();
        }}
      >
        <SegmentedControl
          aria-label="What is imported"
          data={kinds}
          value={kind}
          onChange={(next) => {
            setKind(next);
            run.reset();
          }}
        />
        <FileInput label="File" placeholder="Choose a file" value={file} onChange={setFile} clearable data-autofocus />
        {bundle ? (
          <>
            <TextInput label="Key that signed it" description="As the export showed it. Empty: only keys that this server trusts already." placeholder="ssh-ed25519 …" classNames={{ input: "mono" }} value={trust} onChange={(event) => setTrust(event.currentTarget.value)} />
            <Checkbox label="Also what is older than what is here, or suddenly much smaller" checked={force} onChange={(event) => setForce(event.currentTarget.checked)} />
          </>
        ) : (
          <Select label="Feed" description="The file is as the feed’s source has it." placeholder="osv/Debian" searchable data={feeds.filter(({ support }) => support === "supported").map((feed) => feed.name)} value={name} onChange={setName} />
        )}
        {run.error && <Failure error={run.error} />}
        {run.data && <Taken done={run.data} />}
        <div className="row">
          <Button type="submit" loading={run.isPending} disabled={!file || (!bundle && !name)}>
            Import
          </Button>
          <Button variant="default" onClick={close}>
            Close
          </Button>
          {run.isPending && <ServerWork />}
        </div>
      </form>
    </Modal>
  );
}

/** Taken is what became of each feed of a file. */
function Taken({ done }: { done: Done }) {
  const refused = done.items.filter(({ error }) => error);
  return (
    <div className="stack" role="status">
      <Note tone={refused.length > 0 ? "warn" : "info"}>
        {counted(done.items.length - refused.length, "feed")} taken in{refused.length > 0 && `, ${count(refused.length)} refused: their data stayed as it was`}.
        {done.signer && (
          <>
            {" "}
            Signed by <span className="mono">{done.signer}</span>, trusted as {done.signed_by}.
          </>
        )}
      </Note>
      <ul className="outcome">
        {done.items.map((feed) => (
          <li key={feed.name}>
            {feed.error ? (
              <State tone="bad">
                {feed.name}: {feed.error}
              </State>
            ) : (
              <State tone="ok">
                {feed.name}: {counted(feed.records, "record")}, <Age at={feed.as_of} prefix="as of" />
              </State>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
