import { only } from "../../format/filters";
import { Toggle } from "../../parts/Toggle";

const filters = [
  { term: only.pending, name: "Pending" },
  { term: only.offline, name: "Offline" },
  { term: only.notAssessed, name: "Not assessed" },
  { term: only.stale, name: "Stale lists" },
  { term: only.security, name: "Security updates" },
  { term: only.reboot, name: "Reboot" },
];

/** What has no history: it is only known of now. */
const living: string[] = [only.pending, only.offline, only.stale];

/** QuickFilters are the selector's own terms as switches: what they do can be read, and typed, in the field beside them. */
export function QuickFilters({ active, past, toggle }: { active: string[]; past: boolean; toggle: (term: string, on: boolean) => void }) {
  return (
    <div className="row wrap tight">
      {filters.filter(({ term }) => !past || !living.includes(term)).map(({ term, name }) => (
        <Toggle key={term} on={active.includes(term)} change={(on) => toggle(term, on)}>
          {name}
        </Toggle>
      ))}
    </div>
  );
}
