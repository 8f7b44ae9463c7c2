import { Tooltip } from "@mantine/core";
import { useEffect, useState } from "react";
import { age, nextTick, utc } from "../format/time";

interface Props {
  at: string | null | undefined;
  /** Shown when there is no instant. */
  never?: string;
  prefix?: string;
}

/** Age is an instant in words that stay true while the page is open, with the exact UTC time on hover and focus. */
export function Age({ at, never = "never", prefix }: Props) {
  const now = useNow(at);
  if (!at) return <span className="muted">{prefix ? `${prefix} ${never}` : never}</span>;
  return (
    <Tooltip label={<span className="num">{utc(at)}</span>}>
      <time dateTime={at} className="num nowrap">
        {prefix ? `${prefix} ` : ""}
        {age(at, now)}
      </time>
    </Tooltip>
  );
}

function useNow(at: string | null | undefined): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!at) return;
    const timer = window.setTimeout(() => setNow(Date.now()), nextTick(at, now));
    return () => window.clearTimeout(timer);
  }, [at, now]);
  return now;
}
