import { useQuery } from "@tanstack/react-query";
import { overviewQuery } from "../api/queries";
import { hostsWith, only } from "../format/filters";
import { counted } from "../format/numbers";
import { Selector } from "../parts/Fields";
import { Empty, Failure, Note } from "../parts/Notes";
import { Page, Section } from "../parts/Page";
import { usePast } from "../url/usePast";
import { useUrlState } from "../url/useUrlState";
import { Problem } from "../api/problem";
import { Link } from "../url/Link";
import { ActiveRollouts } from "./overview/ActiveRollouts";
import { FeedAges } from "./overview/FeedAges";
import { HostTallies, WorstTallies } from "./overview/Tallies";
import { Releases } from "./overview/Releases";
import { Trend } from "./overview/Trend";
import { WorstVulnerabilities } from "./overview/WorstVulnerabilities";

const defaults = { selector: "" };

/** Overview answers "is anything on fire, and what do I not know" before anything else. */
export function Overview() {
  const [{ selector }, set] = useUrlState(defaults);
  const past = usePast();
  const then = past.as_of !== undefined;
  const overview = useQuery(overviewQuery({ ...past, selector }));
  const data = overview.data;
  const badSelector = overview.error instanceof Problem && overview.error.status === 422 ? overview.error.message : undefined;
  return (
    <Page
      title="Overview"
      aside={data && <span>{selector ? `${counted(data.hosts, "host")} that match` : counted(data.hosts, "host")}</span>}
      actions={<Selector value={selector} onChange={(value) => set({ selector: value }, { replace: true })} problem={badSelector} />}
    >
      {overview.error && !badSelector && <Failure error={overview.error} retry={() => void overview.refetch()} />}
      {data && data.hosts === 0 && (
        <Empty title={selector ? "No host matches this selector." : then ? "No host was enrolled then." : "No host is enrolled yet."}>
          {selector ? (
            "Change or clear the selector above."
          ) : then ? null : (
            <>
              <Link to="/enrollment">Make an enroll-token</Link> and paste its command on a host: it shows here within a minute.
            </>
          )}
        </Empty>
      )}
      {!then && <ActiveRollouts />}
      {data && !then && data.pending > 0 && (
        <Note tone="warn">
          <Link to={hostsWith(only.pending, selector)}>{counted(data.pending, "host")} waiting for approval</Link>. Until then nothing is
          known about {data.pending === 1 ? "it" : "them"}.
        </Note>
      )}
      {data && data.not_assessed > 0 && (
        <Note tone="warn">
          <Link to={hostsWith(only.notAssessed, selector)}>{counted(data.not_assessed, "host")} not assessed</Link>
          {then ? ": no feed that was here then covers what " : ": no feed covers what "}
          {data.not_assessed === 1 ? "it runs" : "they run"}, or nothing was reported yet. The counts below say nothing about{" "}
          {data.not_assessed === 1 ? "it" : "them"}.
        </Note>
      )}
      <HostTallies past={then} overview={data} selector={selector} />
      <WorstTallies overview={data} selector={selector} />
      {data && data.hosts > 0 && !selector && !then && <Trend />}
      {data && (
        <div className="columns">
          <Section title="Worst vulnerabilities" aside={<Link to={`/vulnerabilities?${new URLSearchParams(selector ? { selector } : {})}`}>all</Link>}>
            <WorstVulnerabilities rows={data.top} assessed={data.findings.assessed} reason={data.findings.reason} />
          </Section>
          <div className="stack">
            <Section title="Releases">
              <Releases of={data.releases} />
            </Section>
            <Section title={then ? "Feeds today" : "Feeds"} aside={<Link to="/feeds">all</Link>}>
              <FeedAges feeds={data.feeds} />
            </Section>
          </div>
        </div>
      )}
    </Page>
  );
}
