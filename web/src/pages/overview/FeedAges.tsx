import { Fragment } from "react";
import type { FeedStatus } from "../../api/types";
import { counted } from "../../format/numbers";
import { Age } from "../../parts/Age";
import { State } from "../../parts/State";

/** FeedAges says how old our knowledge is: answers are only as fresh as it. */
export function FeedAges({ feeds }: { feeds: FeedStatus[] }) {
  if (feeds.length === 0) return <span className="muted">No feed was imported: nothing can be assessed.</span>;
  return (
    <div className="bars">
      {feeds.map((feed) => (
        <Fragment key={feed.name}>
          <span className="cut">{feed.name}</span>
          <span className="cut">
            {feed.error ? (
              <State tone="bad" title={feed.error}>
                last fetch failed
              </State>
            ) : (
              feed.skipped > 0 && <State tone="warn">{counted(feed.skipped, "record")} skipped</State>
            )}
          </span>
          {feed.as_of ? (
            <Age at={feed.as_of} prefix="as of" />
          ) : (
            <span className="muted" title={feed.reason ?? feed.means}>
              {feed.support === "not supported" ? "not supported" : feed.absent ? "not there" : "never fetched"}
            </span>
          )}
        </Fragment>
      ))}
    </div>
  );
}
