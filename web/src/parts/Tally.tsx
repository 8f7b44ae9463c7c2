import type { ReactNode } from "react";
import { count } from "../format/numbers";
import { Link } from "../url/Link";

interface Props {
  /** Undefined: not known at the time that is shown. */
  n: number | undefined;
  /** The word under the number. */
  label: ReactNode;
  to: string;
  tone?: "urgent" | "high" | "normal" | undefined;
}

/** Tally is one number of the overview; it leads to the list that it counts. Only what is there has a colour. */
export function Tally({ n, label, to, tone }: Props) {
  if (n === undefined) {
    return (
      <div className="tally" title="Has no history: it is only known of now">
        <b className="muted">–</b>
        <span className="muted">{label}</span>
      </div>
    );
  }
  return (
    <Link className="tally" to={to}>
      <b className={n > 0 ? tone : "muted"}>{count(n)}</b>
      <span className="muted">{label}</span>
    </Link>
  );
}
