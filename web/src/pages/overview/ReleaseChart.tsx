import "@mantine/charts/styles.layer.css";
import { BarChart } from "@mantine/charts";
import type { Overview } from "../../api/types";

export function ReleaseChart({ of }: { of: Overview["releases"] }) {
  return (
    <BarChart
      h={Math.min(420, 40 + of.length * 18)}
      data={of}
      dataKey="name"
      orientation="vertical"
      gridAxis="x"
      tickLine="none"
      series={[{ name: "count", label: "Hosts", color: "var(--accent)" }]}
      yAxisProps={{ width: 150, interval: 0 }}
      barProps={{ isAnimationActive: false }}
    />
  );
}
