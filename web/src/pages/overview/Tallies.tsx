import type { Overview, Priority as Name } from "../../api/types";
import { hostsWith, only } from "../../format/filters";
import { counted } from "../../format/numbers";
import { NotAssessed } from "../../parts/Counts";
import { Section } from "../../parts/Page";
import { Priority, priorities } from "../../parts/Priority";
import { Tally } from "../../parts/Tally";
import { Link } from "../../url/Link";

interface Props {
  /** What has no history is left out: who was online, what waited for approval, how old package lists were. */
  past: boolean;
  overview: Overview | undefined;
  selector: string;
}

/** HostTallies counts hosts; each number is a link to the hosts that it counts. */
export function HostTallies({ overview: data, selector, past }: Props) {
  const to = (term: string) => hostsWith(term, selector);
  const living = (n: number | undefined) => (past ? undefined : (n ?? 0));
  const offline = data ? data.hosts - data.online : 0;
  return (
    <div className="tallies" aria-label="Hosts" aria-busy={!data}>
      <Tally n={living(data?.online)} label="online" to={to(only.online)} />
      <Tally n={living(offline)} label="offline" to={to(only.offline)} tone="high" />
      <Tally n={living(data?.pending)} label="pending" to={to(only.pending)} tone="normal" />
      <Tally n={data?.not_assessed ?? 0} label="not assessed" to={to(only.notAssessed)} tone="normal" />
      <Tally n={living(data?.stale_metadata)} label="stale lists" to={to(only.stale)} tone="high" />
      <Tally n={data?.end_of_life ?? 0} label="end of life" to={to(only.ended)} tone="high" />
      <Tally n={data?.updates_unknown ?? 0} label="updates unknown" to={to(only.updatesUnknown)} tone="normal" />
      <Tally n={data?.with_security ?? 0} label="security updates" to={to(only.security)} tone="high" />
      <Tally n={data?.reboot_required ?? 0} label="need a reboot" to={to(only.reboot)} tone="normal" />
      <Tally n={data?.failed_units ?? 0} label="failed units" to={to(only.failedUnits)} tone="high" />
    </div>
  );
}

/** WorstTallies counts distinct vulnerabilities by priority, and beside each how many hosts have nothing worse. */
export function WorstTallies({ overview: data, selector }: Omit<Props, "past">) {
  if (!data) return null;
  if (!data.findings.assessed) {
    return (
      <Section title="Vulnerabilities">
        <NotAssessed reason={data.findings.reason} />
      </Section>
    );
  }
  const hosts = data.hosts_by_worst;
  const clean = hosts.total - priorities.reduce((sum, name) => sum + hosts[name], 0);
  return (
    <Section
      title="Vulnerabilities by priority here"
      aside={
        <span className="num">
          {counted(data.findings.total, "vulnerability", "vulnerabilities")}; {counted(clean, "assessed host")} with none
        </span>
      }
    >
      <div className="tallies">
        {priorities.map((name) => (
          <Link key={name} className="tally" to={vulnerabilitiesOf(name, selector)}>
            <b className={data.findings[name] > 0 ? toned(name) : "muted"}>{data.findings[name].toLocaleString("en-GB")}</b>
            <Priority name={name} />
            <span className="muted num">worst on {counted(hosts[name], "host")}</span>
          </Link>
        ))}
      </div>
    </Section>
  );
}

function toned(name: Name): string | undefined {
  return name === "urgent" || name === "high" ? name : undefined;
}

function vulnerabilitiesOf(priority: Name, selector: string): string {
  return `/vulnerabilities?${new URLSearchParams(selector ? { priority, selector } : { priority })}`;
}
