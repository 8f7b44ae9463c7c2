import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Navigate, useParams } from "react-router";
import { hostQuery } from "../../api/queries";
import type { HostDetail } from "../../api/types";
import { count } from "../../format/numbers";
import { Labels } from "../../parts/Labels";
import { Failure, Note } from "../../parts/Notes";
import { Page } from "../../parts/Page";
import { State } from "../../parts/State";
import { usePast } from "../../url/usePast";
import { useUrlState } from "../../url/useUrlState";
import { ApproveButton } from "../hosts/ApproveButton";
import { Presence } from "../hosts/Presence";
import { Link } from "../../url/Link";
import { HostActions } from "./HostActions";
import { HostFindings } from "./HostFindings";
import { HostHistory } from "./HostHistory";
import { HostPackages } from "./HostPackages";
import { HostPast } from "./HostPast";
import { HostSummary } from "./HostSummary";
import { HostUpdates } from "./HostUpdates";

const defaults = { tab: "summary" };
const tabs = ["summary", "updates", "findings", "packages", "history"];

export function HostPage() {
  const { host: asked = "" } = useParams();
  const past = usePast();
  const query = useQuery(hostQuery(asked));
  const detail = query.data;
  if (detail && detail.host.id !== asked) {
    // A link by name: the address by id stays right when another host takes the name.
    return <Navigate replace to={{ pathname: `/hosts/${encodeURIComponent(detail.host.id)}`, search: window.location.search }} />;
  }
  if (past.as_of) return <HostPast id={asked} host={detail?.host} />;
  return (
    <Page
      fixed
      title={detail?.host.name ?? "Host"}
      aside={detail && <Aside detail={detail} />}
      actions={detail && <HostActions host={detail.host} />}
    >
      {query.error && <Failure error={query.error} retry={() => void query.refetch()} />}
      {detail && <Warnings detail={detail} />}
      {detail && detail.host.state !== "pending" && <Views detail={detail} />}
      {!detail && !query.error && <span className="muted">Loading …</span>}
    </Page>
  );
}

function Aside({ detail: { host } }: { detail: HostDetail }) {
  return (
    <>
      <Presence host={host} />
      {host.os && <span>{host.os}</span>}
      {host.arch && <span>{host.arch}</span>}
      {host.reboot_required && <State tone="warn">reboot required</State>}
      {Object.keys(host.labels).length > 0 && <Labels labels={host.labels} />}
    </>
  );
}

/** Warnings are what makes the rest of the page wrong or incomplete; they come before it. */
function Warnings({ detail: { host, vitals } }: { detail: HostDetail }) {
  if (host.state === "pending") {
    return (
      <Note tone="warn">
        <span className="row wrap">
          This host waits for approval: it reads nothing, gets no work, and nothing is known about it.
          <ApproveButton host={host} />
        </span>
      </Note>
    );
  }
  return (
    <>
      {host.state === "revoked" && <Note tone="bad">This host is revoked: its certificates are refused. What follows is the last it reported.</Note>}
      {!host.findings.assessed && (
        <Note tone="warn">
          Not assessed{host.findings.reason ? `: ${host.findings.reason}` : ""}. This does not mean that nothing is wrong. <Link to="/feeds">Feeds</Link>
        </Note>
      )}
      {host.lifecycle.state === "ended" && (
        <Note tone="bad">Its release is over{host.lifecycle.until ? ` since ${host.lifecycle.until}` : ""}: nobody looks for its vulnerabilities any more, and no new ones will be fixed.</Note>
      )}
      {host.lifecycle.entitlement_needed && (
        <Note tone="warn">
          Its release is past the support that everybody has. Fixes until {host.lifecycle.until || "a later day"} need {host.lifecycle.entitlement_needed}, which this host does not report.
        </Note>
      )}
      {!host.updates.known && <Note tone="warn">Updates are not known{host.updates.problem ? `: ${host.updates.problem}` : ""}.</Note>}
      {host.metadata.stale && (
        <Note tone="warn">
          Its package lists are stale{host.metadata.reason ? `: ${host.metadata.reason}` : ""}. Newer updates may exist.
          {vitals?.refresh_error ? ` The last refresh said: ${vitals.refresh_error}` : ""}
        </Note>
      )}
    </>
  );
}

function Views({ detail }: { detail: HostDetail }) {
  const { host } = detail;
  const [{ tab }, set] = useUrlState(defaults);
  const shown = tabs.includes(tab) ? tab : "summary";
  return (
    <Tabs
      value={shown}
      onChange={(next) => set({ tab: next ?? "summary" })}
      classNames={{ root: "tabs", panel: "tab-panel", tab: "tab" }}
    >
      <Tabs.List>
        <Tabs.Tab value="summary">Summary</Tabs.Tab>
        <Tabs.Tab value="updates">Updates {host.updates.known ? <Number n={host.updates.installable} /> : "(not known)"}</Tabs.Tab>
        <Tabs.Tab value="findings">Findings {host.findings.assessed ? <Number n={host.findings.total} /> : "(not assessed)"}</Tabs.Tab>
        <Tabs.Tab value="packages">
          Packages <Number n={host.packages} />
        </Tabs.Tab>
        <Tabs.Tab value="history">History</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="summary">
        <HostSummary detail={detail} />
      </Tabs.Panel>
      <Tabs.Panel value="updates">
        <HostUpdates host={host} />
      </Tabs.Panel>
      <Tabs.Panel value="findings">
        <HostFindings id={host.id} counts={host.findings} />
      </Tabs.Panel>
      <Tabs.Panel value="packages">
        <HostPackages host={host} />
      </Tabs.Panel>
      <Tabs.Panel value="history">
        <HostHistory host={host} />
      </Tabs.Panel>
    </Tabs>
  );
}

function Number({ n }: { n: number }) {
  return <span className="num muted">{count(n)}</span>;
}
