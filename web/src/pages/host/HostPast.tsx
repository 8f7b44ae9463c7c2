import { Link as NowLink } from "react-router";
import type { Host } from "../../api/types";
import { Note } from "../../parts/Notes";
import { Page } from "../../parts/Page";
import { HostFindings } from "./HostFindings";

/** HostPast is a host at a time in the past: its findings. What else its page shows is of now. */
export function HostPast({ id, host }: { id: string; host: Host | undefined }) {
  return (
    <Page fixed title={host?.name ?? id} aside={<span>findings then</span>}>
      <Note tone="info">
        Only the findings of this host are shown as they were. Its summary, updates and packages are of now: <NowLink to={`/hosts/${encodeURIComponent(id)}`}>the host now</NowLink>, and its{" "}
        <NowLink to={`/hosts/${encodeURIComponent(id)}?tab=history`}>history</NowLink>.
      </Note>
      <HostFindings id={id} />
    </Page>
  );
}
