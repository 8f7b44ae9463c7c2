import { useCallback, useMemo } from "react";
import { useLocation, useSearchParams } from "react-router";
import { hasPast, now, readPast, writePast, wrongPast } from "./past";
import type { Past } from "./past";

/** usePast is the past that is shown; pages that have none always show now. */
export function usePast(): Past {
  const { pathname, search } = useLocation();
  return useMemo(() => (hasPast(pathname) ? readPast(new URLSearchParams(search)) : now), [pathname, search]);
}

/** useWrongPast says what is wrong with the time that the address names, on pages that can show the past. */
export function useWrongPast(): string | undefined {
  const { pathname, search } = useLocation();
  return useMemo(() => (hasPast(pathname) ? wrongPast(new URLSearchParams(search)) : undefined), [pathname, search]);
}

/** useGoTo shows another time on the same page. */
export function useGoTo(): (past: Past) => void {
  const [, setParams] = useSearchParams();
  return useCallback((past) => setParams(writePast(new URLSearchParams(window.location.search), past)), [setParams]);
}
