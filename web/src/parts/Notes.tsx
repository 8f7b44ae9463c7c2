import { Button } from "@mantine/core";
import { IconAlertTriangle, IconCircleX, IconInfoCircle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { messageOf } from "../api/problem";

const icons = { bad: IconCircleX, warn: IconAlertTriangle, info: IconInfoCircle };
const colours = { bad: "urgent", warn: "high", info: "low" };

/** Note is a sentence that must not be missed, where it matters. */
export function Note({ tone, children }: { tone: keyof typeof icons; children: ReactNode }) {
  const Icon = icons[tone];
  return (
    <div className={`note ${colours[tone]}`} role={tone === "bad" ? "alert" : "note"}>
      <Icon size={15} aria-hidden />
      <div className="grow">{children}</div>
    </div>
  );
}

/** Failure says what went wrong and offers to ask again. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <Note tone="bad">
      <span className="row wrap">
        {messageOf(error)}
        {retry && (
          <Button variant="default" size="compact-xs" onClick={retry}>
            Try again
          </Button>
        )}
      </span>
    </Note>
  );
}

/** Empty says why there is nothing, and what to do about it. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="grid-note">
      <strong>{title}</strong>
      {children}
    </div>
  );
}
