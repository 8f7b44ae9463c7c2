import {
  IconAlertTriangle,
  IconCircleCheck,
  IconClockPause,
  IconHelpCircle,
  IconLock,
  IconPlugConnected,
  IconPlugConnectedX,
  IconCircleX,
} from "@tabler/icons-react";
import type { ReactNode } from "react";

const tones = {
  ok: { className: "ok", icon: IconCircleCheck },
  online: { className: "ok", icon: IconPlugConnected },
  offline: { className: "muted", icon: IconPlugConnectedX },
  waiting: { className: "normal", icon: IconClockPause },
  warn: { className: "high", icon: IconAlertTriangle },
  bad: { className: "urgent", icon: IconCircleX },
  unknown: { className: "normal", icon: IconHelpCircle },
  locked: { className: "muted", icon: IconLock },
} as const;

export type Tone = keyof typeof tones;

/** State is a word with the icon and colour of its tone. */
export function State({ tone, title, children }: { tone: Tone; title?: string | undefined; children: ReactNode }) {
  const { className, icon: Icon } = tones[tone];
  return (
    <span className={`state ${className}`} title={title}>
      <Icon size={14} stroke={1.8} aria-hidden />
      <span>{children}</span>
    </span>
  );
}
