import type { Metrics } from "../../api/types";
import { counted } from "../../format/numbers";
import { Facts } from "../../parts/Page";

/** Formulas is what each figure is, in a sentence; docs/metrics.md has each with a history that is counted by hand. */
export function Formulas({ clock }: { clock: Metrics["clock"] }) {
  const rules = clock.map(({ priority, days }) => `${priority} ${counted(days, "day")}`).join(", ");
  return (
    <div className="stack">
      <Facts
        of={[
          ["Counted", "One vulnerability of one source package on one host, from the later of two times: when an inventory first showed it there, and when its advisory was published. It ends with the first inventory that shows it fixed or gone. Judged with today’s knowledge."],
          ["Opened, fixed", "Those that began, and those that ended, in the period."],
          ["Open", "Those that had begun by the period’s end and had not ended."],
          ["Time to patch", "Of the fixed ones, from beginning to end. Alone it flatters: what is never fixed is not in it."],
          ["Open age", "Of the open ones, from their beginning to the period’s end."],
          ["Median, 90 % within", "Half of them, and nine of ten of them, took at most so long. Each is a length of time that happened."],
          ["Exposure days", "The days of the period in which each was open, summed over all."],
          ["Due", `Those whose time ran out in the period. The clock: ${rules || "not read yet"}. Another is written as urgent=3d,high=14d and replaces it whole.`],
          ["In time", "Of those due, the share that was fixed by then. 100 % is only shown for all."],
          ["Covered", "Of the days of the period since each host was enrolled, the share with an inventory, on hosts of whose release some feed speaks."],
          ["Left out", "Hosts that were deleted, and all that was there before a host’s first inventory."],
        ]}
      />
    </div>
  );
}
