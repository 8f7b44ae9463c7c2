import { Link as RouterLink, NavLink as RouterNavLink } from "react-router";
import type { LinkProps, NavLinkProps } from "react-router";
import { carried } from "./past";
import { usePast } from "./usePast";

/** Link is the router's, and carries along the past that is shown. */
export function Link({ to, ...rest }: LinkProps & { to: string }) {
  const past = usePast();
  return <RouterLink to={carried(to, past)} {...rest} />;
}

export function NavLink({ to, ...rest }: NavLinkProps & { to: string }) {
  const past = usePast();
  return <RouterNavLink to={carried(to, past)} {...rest} />;
}
