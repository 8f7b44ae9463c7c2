import { count } from "../format/numbers";
import { State } from "./State";

/** Count is a number in a column; nought recedes so that the others are found. */
export function Count({ n, tone }: { n: number; tone?: "urgent" | "high" | "normal" }) {
  if (n === 0) return <span className="muted">0</span>;
  return <span className={tone}>{tone ? <b>{count(n)}</b> : count(n)}</span>;
}

/** What stands where counts would say nothing: never a nought. */
export function NotAssessed({ reason }: { reason?: string | undefined }) {
  return (
    <State tone="unknown" title={reason}>
      not assessed{reason ? `: ${reason}` : ""}
    </State>
  );
}

export function NotKnown({ reason }: { reason?: string | undefined }) {
  return (
    <State tone="unknown" title={reason}>
      not known{reason ? `: ${reason}` : ""}
    </State>
  );
}
