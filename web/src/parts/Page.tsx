import { useEffect } from "react";
import type { ReactNode } from "react";

interface Props {
  title: string;
  /** What stands beside the title: totals, the age of what is shown. */
  aside?: ReactNode;
  actions?: ReactNode;
  /** The page is as high as the window and its table scrolls. */
  fixed?: boolean;
  children: ReactNode;
}

export function Page({ title, aside, actions, fixed, children }: Props) {
  useEffect(() => {
    document.title = `${title} · Staunch`;
  }, [title]);
  return (
    <div className={fixed ? "page page-fixed" : "page"}>
      <header className="page-head">
        <h1 className="break">{title}</h1>
        {aside && <div className="row wrap muted">{aside}</div>}
        {actions && <div className="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export function Section({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className="section">
      <header>
        <h2>{title}</h2>
        {aside && <span className="muted">{aside}</span>}
      </header>
      {children}
    </section>
  );
}

/** Facts are names with values; a value that is missing says so. */
export function Facts({ of }: { of: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {of.map(([name, value]) => (
        <FactPair key={name} name={name} value={value} />
      ))}
    </dl>
  );
}

function FactPair({ name, value }: { name: string; value: ReactNode }) {
  const missing = value === undefined || value === null || value === "";
  return (
    <>
      <dt>{name}</dt>
      <dd>{missing ? <span className="muted">not reported</span> : value}</dd>
    </>
  );
}
