import { Button, Checkbox, Popover, TextInput, Tooltip } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { useState } from "react";
import type { SubmitEvent } from "react";
import { useLocation } from "react-router";
import { fieldOf, instant, readField } from "../format/time";
import { hasPast, now } from "../url/past";
import type { Past } from "../url/past";
import { useGoTo, usePast, useWrongPast } from "../url/usePast";

const day = 86_400_000;
const jumps = [
  { label: "A day ago", ago: day },
  { label: "A week ago", ago: 7 * day },
  { label: "30 days ago", ago: 30 * day },
];

/** PastControl chooses the time that the lists show. Pages without a past show now, and the control says so. */
export function PastControl() {
  const past = usePast();
  const { pathname } = useLocation();
  const [open, setOpen] = useState(false);
  const able = hasPast(pathname);
  const wrong = useWrongPast();
  const label = past.as_of ? instant(past.as_of) : wrong ? "No time" : "Now";
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-end" width={290} trapFocus withinPortal returnFocus>
      <Popover.Target>
        <Tooltip label={able ? "Show the fleet as it was at another time" : "This page is always of now"}>
          <Button
            variant={past.as_of ? "light" : "default"}
            size="xs"
            className="past-control"
            leftSection={<IconHistory size={14} />}
            aria-label={`Time shown: ${label}`}
            data-disabled={!able || undefined}
            aria-disabled={!able}
            onClick={() => able && setOpen(!open)}
          >
            <span className="past-label">{label}</span>
          </Button>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown>{open && <Choose past={past} close={() => setOpen(false)} />}</Popover.Dropdown>
    </Popover>
  );
}

function Choose({ past, close }: { past: Past; close: () => void }) {
  const goTo = useGoTo();
  const [at, setAt] = useState(() => fieldOf(past.as_of ?? new Date(Date.now() - day).toISOString()));
  const [hindsight, setHindsight] = useState(past.hindsight ?? false);
  const [problem, setProblem] = useState<string>();
  const show = (as_of: string | undefined) => {
    if (!as_of) return setProblem("Give a date and a time.");
    if (Date.parse(as_of) > Date.now()) return setProblem("That is still to come: nobody knows it.");
    goTo({ as_of, hindsight });
    close();
  };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    show(readField(at));
  };
  return (
    <form className="stack" onSubmit={submit} noValidate>
      <TextInput type="datetime-local" label="Date and time, UTC" value={at} error={problem} onChange={(event) => setAt(event.currentTarget.value)} />
      <div className="row wrap tight">
        {jumps.map(({ label, ago }) => (
          <Button key={label} variant="default" size="compact-xs" onClick={() => setAt(fieldOf(new Date(Date.now() - ago).toISOString()))}>
            {label}
          </Button>
        ))}
      </div>
      <Checkbox
        label="With what is known today"
        description="Else judged with what was known then."
        checked={hindsight}
        onChange={(event) => setHindsight(event.currentTarget.checked)}
      />
      <div className="row">
        <Button type="submit">Show</Button>
        <Button
          variant="default"
          onClick={() => {
            goTo(now);
            close();
          }}
        >
          Now
        </Button>
      </div>
    </form>
  );
}
