import type { NameCount } from "../api/types";
import { inFlight } from "./PatchState";

const classOf = (state: string) => {
  if (state === "succeeded") return "done";
  if (inFlight(state)) return "moving";
  if (state === "pending" || state === "canceled") return "";
  return "ill";
};

const order = ["done", "moving", "ill", ""];

/** RunBar is how far a rollout is; the words beside it say the same. */
export function RunBar({ counts, hosts }: { counts: NameCount[]; hosts: number }) {
  if (hosts === 0) return null;
  const parts = counts.toSorted((a, b) => order.indexOf(classOf(a.name)) - order.indexOf(classOf(b.name)));
  return (
    <div className="run-bar" aria-hidden>
      {parts.map(({ name, count }) => (
        <i key={name} className={classOf(name)} style={{ width: `${(100 * count) / hosts}%` }} />
      ))}
    </div>
  );
}
