import type { ReactNode } from "react";
import { Link } from "react-router";
import { count } from "../format/numbers";

interface Props {
  n: number;
  /** The word under the number. */
  label: ReactNode;
  to: string;
  tone?: "urgent" | "high" | "normal" | undefined;
}

/** Tally is one number of the overview; it leads to the list that it counts. Only what is there has a colour. */
export function Tally({ n, label, to, tone }: Props) {
  return (
    <Link className="tally" to={to}>
      <b className={n > 0 ? tone : "muted"}>{count(n)}</b>
      <span className="muted">{label}</span>
    </Link>
  );
}
