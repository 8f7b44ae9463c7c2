import type { Finding } from "../api/types";

type Reason = Finding["reasons"][number];

/** Reasons are the inputs of a priority in the order in which they were taken into account; their effects add up to it. */
export function Reasons({ of }: { of: Reason[] }) {
  if (of.length === 0) return null;
  return (
    <div className="reasons">
      <h3>What the priority is made of</h3>
      <table className="plain words" aria-label="What the priority is made of">
        <thead>
          <tr>
            <th scope="col">Input</th>
            <th scope="col">Value</th>
            <th scope="col">Source</th>
            <th scope="col">Date</th>
            <th scope="col">Effect</th>
          </tr>
        </thead>
        <tbody>
          {of.map((reason) => (
            <tr key={`${reason.input} ${reason.value} ${reason.source}`}>
              <th scope="row">{names[reason.input] ?? reason.input}</th>
              <td>{reason.value}</td>
              <td>{reason.source}</td>
              <td className="num">{reason.date ?? <span className="muted">–</span>}</td>
              <td>{reason.effect === "none" ? <span className="muted">none</span> : <strong>{reason.effect}</strong>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const names: Partial<Record<string, string>> = { epss: "EPSS", kev: "KEV", ssvc: "SSVC" };
