import { only } from "../../format/filters";
import { Toggle } from "../../parts/Toggle";

const filters = [
  { term: only.pending, name: "Pending" },
  { term: "host.online=no", name: "Offline" },
  { term: "host.assessed=no", name: "Not assessed" },
  { term: "host.metadata=stale", name: "Stale lists" },
  { term: "host.security-updates=yes", name: "Security updates" },
  { term: "host.reboot=yes", name: "Reboot" },
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
