import { Button } from "@mantine/core";
import { IconHistory, IconLoader2 } from "@tabler/icons-react";
import { useReadingPast } from "../api/pasts";
import { instant } from "../format/time";
import { Note } from "../parts/Notes";
import { now } from "../url/past";
import { useGoTo, usePast } from "../url/usePast";

/** WrongPast stands in place of a page whose address names a time that is none: what is now must not be taken for what was then. */
export function WrongPast({ why }: { why: string }) {
  const goTo = useGoTo();
  return (
    <Note tone="bad">
      <span className="row wrap">
        <span>
          <b>The time in this address cannot be read.</b> {why} Nothing is shown, since it would be of now.
        </span>
        <Button size="compact-xs" variant="default" onClick={() => goTo(now)}>
          Show now
        </Button>
      </span>
    </Note>
  );
}

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
