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

/** QuickFilters are the selector's own terms as switches: what they do can be read, and typed, in the field beside them. */
export function QuickFilters({ active, toggle }: { active: string[]; toggle: (term: string, on: boolean) => void }) {
  return (
    <div className="row wrap tight">
      {filters.map(({ term, name }) => (
        <Toggle key={term} on={active.includes(term)} change={(on) => toggle(term, on)}>
          {name}
        </Toggle>
      ))}
    </div>
  );
}
