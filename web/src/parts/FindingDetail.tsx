import type { Finding } from "../api/types";
import { Age } from "./Age";
import { Exploited } from "./Exploited";
import { Outside } from "./Outside";
import { Facts } from "./Page";
import { Reasons } from "./Reasons";

/** FindingDetail is why we say that this is a finding: what is installed, which range of which advisory, and how old that knowledge is. */
export function FindingDetail({ finding: f }: { finding: Finding }) {
  return (
    <div className="stack">
      <p className="prose">{f.explanation}</p>
      <Facts
        of={[
          ["Advisory", <Outside id={f.advisory} />],
          ["Feed", <span>{f.feed}, <Age at={f.feed_as_of} prefix="as of" never="unknown" /></span>],
          ["Release", f.ecosystem],
          ["Severity", f.severity || <span className="muted">the advisory gives none</span>],
          ["Exploited", <Exploited kev={f.kev} long />],
          ["Likely (EPSS)", f.epss ? `${f.epss.score}${f.epss.as_of ? `, as of ${f.epss.as_of}` : ""}` : <span className="muted">no score known</span>],
          ["SSVC", f.ssvc ? ssvcWords(f.ssvc) : <span className="muted">no decision known</span>],
          ["Its source says", f.source_status ? sourceWords(f) : <span className="muted">nothing beside the versions</span>],
          ["Packages", f.packages.join(", ")],
          ["Installed", <span className="mono">{f.installed}</span>],
          ["Fixed in", <FixedIn finding={f} />],
        ]}
      />
      <Reasons of={f.reasons} />
    </div>
  );
}

function FixedIn({ finding: f }: { finding: Finding }) {
  if (!f.fixed) return <span className="muted">no fixed version is known</span>;
  return (
    <span>
      <span className="mono">{f.fixed}</span>
      {f.entitlement && ` with ${f.entitlement}`}
      {f.stream && ` in stream ${f.stream}`}
    </span>
  );
}

function ssvcWords(s: NonNullable<Finding["ssvc"]>): string {
  return `exploitation ${s.exploitation}, automatable ${s.automatable}, impact ${s.technical_impact}${s.at ? `, of ${s.at}` : ""}`;
}

function sourceWords(f: Finding): string {
  const word = (f.source_status ?? "").replaceAll("_", " ");
  return f.source_note ? `${word}: ${f.source_note}` : word;
}
