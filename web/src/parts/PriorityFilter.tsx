import { SegmentedControl } from "@mantine/core";
import type { FindingCounts } from "../api/types";
import { count } from "../format/numbers";
import { priorities } from "./Priority";

interface Props {
  value: string;
  onChange: (value: string) => void;
  counts?: FindingCounts;
}

/** PriorityFilter narrows a list to one priority; the empty value is all. */
export function PriorityFilter({ value, onChange, counts }: Props) {
  const data = [
    { value: "", label: "all" },
    ...priorities.map((name) => ({ value: name, label: counts?.assessed ? `${name} ${count(counts[name])}` : name })),
  ];
  return <SegmentedControl aria-label="Priority" data={data} value={value} onChange={onChange} />;
}
