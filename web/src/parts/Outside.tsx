import { IconExternalLink } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { advisoryPage } from "../format/links";

/** Outside is an advisory's id, with a link to its public page where the id has a known shape; or the link alone, in other words. */
export function Outside({ id, children }: { id: string; children?: ReactNode }) {
  const page = advisoryPage(id);
  if (!page) return children ? null : <span className="mono">{id}</span>;
  return (
    <a href={page} target="_blank" rel="noopener noreferrer" className={children ? "state" : "state mono"}>
      {children ?? id}
      <IconExternalLink size={12} aria-label="opens another site" />
    </a>
  );
}
