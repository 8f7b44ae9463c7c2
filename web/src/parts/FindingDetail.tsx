import type { Finding } from "../api/types";
import { Age } from "./Age";
import { Exploited } from "./Exploited";
import { Outside } from "./Outside";
import { Facts } from "./Page";

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
          ["Packages", f.packages.join(", ")],
          ["Installed", <span className="mono">{f.installed}</span>],
          ["Fixed in", f.fixed ? <span className="mono">{f.fixed}</span> : <span className="muted">no fixed version is known</span>],
        ]}
      />
    </div>
  );
}
