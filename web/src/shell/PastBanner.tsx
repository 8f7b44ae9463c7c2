import { Button } from "@mantine/core";
import { IconHistory, IconLoader2 } from "@tabler/icons-react";
import { useReadingPast } from "../api/pasts";
import { instant } from "../format/time";
import { now } from "../url/past";
import { useGoTo, usePast } from "../url/usePast";

/** PastBanner says, before anything else on the page, that what follows is not now. */
export function PastBanner() {
  const { as_of, hindsight } = usePast();
  const reading = useReadingPast();
  const goTo = useGoTo();
  if (!as_of) return null;
  return (
    <div className="past-banner" role="status">
      <IconHistory size={16} aria-hidden />
      <span className="grow">
        <b>As of {instant(as_of)}</b>, judged with what {hindsight ? "is known today" : "was known then"}. Names and labels are today’s.
        {reading && (
          <span className="state past-reading">
            <IconLoader2 size={14} aria-hidden />
            What was then is being read. It shows here by itself.
          </span>
        )}
      </span>
      <Button size="compact-xs" variant="default" onClick={() => goTo(now)}>
        Back to now
      </Button>
    </div>
  );
}
