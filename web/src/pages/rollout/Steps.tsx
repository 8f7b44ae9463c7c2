import type { RunStep } from "../../api/types";
import { amount } from "../../format/time";
import { StepState } from "../../parts/PatchState";

/** Steps is what the host did, in its order, each with how long it took. */
export function Steps({ steps }: { steps: RunStep[] }) {
  return (
    <ol className="steps">
      {steps.map((step) => (
        <li key={`${step.name} ${step.started}`}>
          <StepState name={step.state} />
          <b>{step.name}</b>
          <span className="muted num">{took(step)}</span>
          <span className="break">{step.text}</span>
        </li>
      ))}
    </ol>
  );
}

function took({ started, ended }: RunStep): string {
  if (!ended) return "";
  const seconds = (Date.parse(ended) - Date.parse(started)) / 1000;
  if (Number.isNaN(seconds) || seconds < 0) return "";
  return seconds < 10 ? `${seconds.toFixed(1)} s` : amount(seconds);
}
