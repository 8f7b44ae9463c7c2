import { Tooltip } from "@mantine/core";
import { IconLoader, IconPlugConnectedX, IconBroadcast } from "@tabler/icons-react";
import { useLive } from "../api/live";
import type { LiveState } from "../api/live";

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

export function LiveIndicator() {
  const { label, why, className, icon: Icon } = words[useLive()];
  return (
    <Tooltip label={why}>
      <span className={`state ${className}`} role="status" data-live={label}>
        <Icon size={15} stroke={1.8} aria-hidden />
        {label}
      </span>
    </Tooltip>
  );
}
