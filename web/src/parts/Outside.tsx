import { IconExternalLink } from "@tabler/icons-react";
import { advisoryPage } from "../format/links";

/** Outside is an advisory's id, with a link to its public page where the id has a known shape. */
export function Outside({ id }: { id: string }) {
  const page = advisoryPage(id);
  if (!page) return <span className="mono">{id}</span>;
  return (
    <a href={page} target="_blank" rel="noopener noreferrer" className="state mono">
      {id}
      <IconExternalLink size={12} aria-label="opens another site" />
    </a>
  );
}
