import type { Finding } from "../api/types";
import { Facts } from "./Page";

type Reason = Finding["reasons"][number];

/** Reasons are the inputs of a priority in the order in which they were taken into account; their effects add up to it. */
export function Reasons({ of }: { of: Reason[] }) {
  if (of.length === 0) return null;
  return (
    <>
      <h3>What the priority is made of</h3>
      <Facts of={of.map((reason) => [reason.input, <Told reason={reason} />])} />
    </>
  );
}

function Told({ reason: r }: { reason: Reason }) {
  const source = r.date ? `${r.source}, ${r.date}` : r.source;
  return (
    <span>
      {r.value} <span className="muted">({source})</span>
      {r.effect !== "none" && <strong> {r.effect}</strong>}
    </span>
  );
}
