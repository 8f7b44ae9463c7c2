import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useLocation } from "react-router";
import { overviewQuery } from "../api/queries";
import { counted } from "../format/numbers";
import { NavLink } from "../url/Link";
import { pages } from "./pages";

/** Nav is every page, with the one number that waits for a person: hosts to approve. */
export function Nav() {
  const overview = useQuery(overviewQuery({}));
  const pending = overview.data?.pending ?? 0;
  const { pathname } = useLocation();
  const nav = useRef<HTMLElement>(null);
  // In a narrow window the pages are one line that scrolls: the one that is shown belongs into its middle.
  useEffect(() => {
    const links = [...(nav.current?.querySelectorAll("a") ?? [])];
    links.findLast((link) => pathname.startsWith(link.pathname))?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [pathname]);
  return (
    <nav className="shell-nav" aria-label="Pages" ref={nav}>
      {pages.map(({ to, name, icon: Icon }) => (
        <NavLink key={to} to={to} end={to === "/" || to === "/report"}>
          <Icon size={16} stroke={1.7} aria-hidden />
          {name}
          {to === "/hosts" && pending > 0 && (
            <span className="count num normal" title={`${counted(pending, "host")} waiting for approval`}>
              {pending}
              <span className="sr-only"> waiting for approval</span>
            </span>
          )}
        </NavLink>
      ))}
    </nav>
  );
}
