/**
 * Selectors as text: only what the console needs to show terms as chips and to add or drop one. Whether a selector is valid is
 * the server's word alone; its answer is shown at the field.
 */

/** terms splits at the commas that stand outside parentheses, and drops empty terms. */
export function terms(selector: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= selector.length; i++) {
    const c = selector[i];
    if (c === "(") depth++;
    else if (c === ")") depth = Math.max(0, depth - 1);
    else if (c === undefined || (c === "," && depth === 0)) {
      const term = selector.slice(start, i).trim();
      if (term) found.push(term);
      start = i + 1;
    }
  }
  return found;
}

export function joinTerms(list: string[]): string {
  return list.join(",");
}

/** withTerm adds a term unless it is there. */
export function withTerm(selector: string, term: string): string {
  const list = terms(selector);
  return list.includes(term) ? joinTerms(list) : joinTerms([...list, term]);
}

export function withoutTerm(selector: string, term: string): string {
  return joinTerms(terms(selector).filter((t) => t !== term));
}

/** labelText is labels as they are typed: "env=prod,role=web", by key. */
export function labelText(labels: Record<string, string>): string {
  return Object.entries(labels)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}

/** parseLabels reads "env=prod, role=web". A problem is a sentence for the field; what a label may hold is the server's word. */
export function parseLabels(text: string): { labels: Record<string, string>; problem?: string } {
  const labels: Record<string, string> = {};
  for (const part of text.split(/[,\n]/)) {
    const entry = part.trim();
    if (!entry) continue;
    const at = entry.indexOf("=");
    if (at <= 0) return { labels, problem: `“${entry}” is not a label: write key=value, as env=prod` };
    const key = entry.slice(0, at).trim();
    if (Object.hasOwn(labels, key)) return { labels, problem: `the label “${key}” is given twice` };
    labels[key] = entry.slice(at + 1).trim();
  }
  return { labels };
}
