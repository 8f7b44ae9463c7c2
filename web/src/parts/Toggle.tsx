import { IconCheck } from "@tabler/icons-react";
import type { ReactNode } from "react";

/** Toggle is a switch in a row of filters; pressed it has a tick, not only a colour. */
export function Toggle({ on, change, children }: { on: boolean; change: (on: boolean) => void; children: ReactNode }) {
  return (
    <button type="button" className="toggle" aria-pressed={on} onClick={() => change(!on)}>
      {on && <IconCheck size={13} aria-hidden />}
      {children}
    </button>
  );
}
