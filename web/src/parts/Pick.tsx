import { useCallback, useState } from "react";

/** usePicked keeps which rows of a list are ticked, by a name that stays while the list is asked again. */
export function usePicked() {
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const toggle = useCallback(
    (name: string) =>
      setPicked((names) => {
        const next = new Set(names);
        if (!next.delete(name)) next.add(name);
        return next;
      }),
    [],
  );
  const clear = useCallback(() => setPicked(new Set()), []);
  return { picked, toggle, clear };
}

interface Props {
  name: string;
  on: boolean;
  /** Why this row cannot be ticked. */
  not?: string | undefined;
  toggle: (name: string) => void;
}

/** Pick is the tick of one row. */
export function Pick({ name, on, not, toggle }: Props) {
  return (
    <input type="checkbox" className="pick" aria-label={`Select ${name}`} title={not} disabled={not !== undefined} checked={on} onChange={() => toggle(name)} />
  );
}
