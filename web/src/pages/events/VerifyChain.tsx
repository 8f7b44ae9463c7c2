import { Button } from "@mantine/core";
import { IconLink } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { verifyEventsQuery } from "../../api/patch";
import { counted } from "../../format/numbers";
import { Age } from "../../parts/Age";
import { Failure, Note } from "../../parts/Notes";

/** VerifyButton has the server go through the whole log: each event's hash covers the one before it. */
export function VerifyButton() {
  const query = useQuery(verifyEventsQuery);
  return (
    <Button variant="default" leftSection={<IconLink size={14} />} loading={query.isFetching} onClick={() => void query.refetch()}>
      Verify the chain
    </Button>
  );
}

/** VerifyResult is what it found, and what that does not say. */
export function VerifyResult() {
  const { data, error, dataUpdatedAt } = useQuery(verifyEventsQuery);
  if (error) return <Failure error={error} />;
  if (!data) return null;
  const at = <Age at={new Date(dataUpdatedAt).toISOString()} prefix="checked" />;
  if (!data.whole) {
    return (
      <Note tone="bad">
        <b>The chain is broken at event {data.broken}</b>
        {data.reason ? `: ${data.reason}` : ""}. {counted(data.events, "event")} before it hold; {at}.
      </Note>
    );
  }
  return (
    <Note tone="info">
      <p>
        The chain is whole: {counted(data.events, "event")} hold, up to No. {data.seq}; {at}. Who can rewrite the whole log can make a chain that holds:
        keep the last hash elsewhere to be able to tell.
      </p>
      <span className="mono break">{data.hash}</span>
    </Note>
  );
}
