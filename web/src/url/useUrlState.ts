import { useCallback, useMemo } from "react";
import { useSearchParams } from "react-router";
import { readState, writeState } from "./urlState";
import type { Values } from "./urlState";

/**
 * useUrlState reads a view's state from the address and changes it there. defaults must be a constant. A change of what is looked
 * at makes an entry in the browser's history; typing in a field (replace) does not.
 */
export function useUrlState<T extends Values>(defaults: T): [T, (change: Partial<T>, how?: { replace: boolean }) => void] {
  const [params, setParams] = useSearchParams();
  const state = useMemo(() => readState(params, defaults), [params, defaults]);
  const change = useCallback(
    (changed: Partial<T>, how?: { replace: boolean }) => {
      // From the address as it is now: a field that waited for typing to pause must not undo what was clicked meanwhile.
      const current = new URLSearchParams(window.location.search);
      setParams(writeState(current, defaults, changed), { replace: how?.replace ?? false });
    },
    [setParams, defaults],
  );
  return [state, change];
}
