/** Labels of a host as chips. With onPick a click narrows the list to that label. */
export function Labels({ labels, onPick }: { labels: Record<string, string>; onPick?: (term: string) => void }) {
  const entries = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return <span className="muted">none</span>;
  return (
    <span className="row">
      {entries.map(([key, value]) => {
        const term = `${key}=${value}`;
        return onPick ? (
          <button key={key} type="button" className="chip" title={`Only ${term}`} onClick={() => onPick(term)}>
            <span>{term}</span>
          </button>
        ) : (
          <span key={key} className="chip" title={term}>
            <span>{term}</span>
          </span>
        );
      })}
    </span>
  );
}
