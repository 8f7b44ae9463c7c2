import { Fragment, lazy, Suspense } from "react";
import type { Overview } from "../../api/types";
import { count } from "../../format/numbers";
import { Link } from "../../url/Link";

const ReleaseChart = lazy(async () => ({ default: (await import("./ReleaseChart")).ReleaseChart }));

/** Few releases are read faster as rows than as a chart; a fleet with a long tail gets the chart. */
const many = 12;

export function Releases({ of }: { of: Overview["releases"] }) {
  if (of.length === 0) return <span className="muted">No host has reported what it runs.</span>;
  if (of.length > many) {
    return (
      <Suspense fallback={<div style={{ height: 260 }} />}>
        <ReleaseChart of={of} />
      </Suspense>
    );
  }
  const most = Math.max(...of.map((release) => release.count));
  return (
    <div className="bars">
      {of.map(({ name, count: hosts }) => (
        <Fragment key={name}>
          <Link className="cut" to={`/hosts?${new URLSearchParams({ q: name })}`}>
            {name || "not reported"}
          </Link>
          <div className="bar" aria-hidden>
            <i style={{ width: `${(100 * hosts) / most}%` }} />
          </div>
          <span className="num">{count(hosts)}</span>
        </Fragment>
      ))}
    </div>
  );
}
