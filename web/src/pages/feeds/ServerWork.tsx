import { useQuery } from "@tanstack/react-query";
import { feedWorkQuery } from "../../api/queries";
import type { FeedWork } from "../../api/types";
import { count } from "../../format/numbers";

const words: Record<NonNullable<FeedWork["doing"]>, string> = {
  fetching: "fetches",
  checking: "checks",
  writing: "takes in",
  exporting: "gathers what it knows",
  packing: "packs and signs",
};

/** ServerWork says what the server does while somebody waits for it. */
export function ServerWork() {
  const { data } = useQuery(feedWorkQuery);
  if (!data?.doing) return <span className="muted">The server is at work.</span>;
  const of = data.of && data.of > 1 ? ` (${data.at} of ${data.of})` : "";
  const records = data.records ? `, ${count(data.records)}${data.about && data.about >= data.records ? ` of about ${count(data.about)}` : ""} records` : "";
  return (
    <span className="muted" role="status">
      The server {words[data.doing]} {data.feed}
      {of}
      {records}
    </span>
  );
}
