import { Tooltip } from "@mantine/core";
import { IconLoader, IconPlugConnectedX, IconBroadcast, IconHistory } from "@tabler/icons-react";
import { useLive } from "../api/live";
import type { LiveState } from "../api/live";
import { usePast } from "../url/usePast";

const words: Record<LiveState, { label: string; why: string; className: string; icon: typeof IconLoader }> = {
  live: { label: "Live", why: "Changes show as they happen.", className: "ok", icon: IconBroadcast },
  connecting: { label: "Connecting", why: "What you see was true when the page was loaded.", className: "muted", icon: IconLoader },
  disconnected: {
    label: "Disconnected",
    why: "The server cannot be reached: what you see is getting old. It is tried again all the time, and everything is asked again then.",
    className: "urgent",
    icon: IconPlugConnectedX,
  },
};

const past = { label: "Past", why: "What was does not change: nothing is refreshed while the past is shown.", className: "normal", icon: IconHistory };

export function LiveIndicator() {
  const live = useLive();
  const { as_of } = usePast();
  const { label, why, className, icon: Icon } = as_of ? past : words[live];
  return (
    <Tooltip label={why}>
      <span className={`state ${className}`} role="status" data-live={label}>
        <Icon size={15} stroke={1.8} aria-hidden />
        {label}
      </span>
    </Tooltip>
  );
}
