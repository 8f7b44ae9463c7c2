import { IconAlertOctagonFilled, IconAlertTriangleFilled, IconCircleFilled, IconCircleHalf2, IconCircleDashed } from "@tabler/icons-react";
import type { Priority as Name } from "../api/types";

/** Worst first. Each has a shape of its own, so that colour is never the only sign. */
export const priorities: Name[] = ["urgent", "high", "normal", "low", "lowest"];

const shapes = {
  urgent: IconAlertOctagonFilled,
  high: IconAlertTriangleFilled,
  normal: IconCircleFilled,
  low: IconCircleHalf2,
  lowest: IconCircleDashed,
};

export function isPriority(text: string): text is Name {
  return (priorities as string[]).includes(text);
}

export function Priority({ name }: { name: string }) {
  if (!isPriority(name)) return <span>{name}</span>;
  const Shape = shapes[name];
  return (
    <span className={`state ${name}`}>
      <Shape size={12} aria-hidden />
      {name}
    </span>
  );
}
