// A line without axes, beside a number that says how much: shape only.

import type { Column } from "../gaps";

export function Spark({ values, ink, width = 96, height = 24 }: { values: Column; ink: string; width?: number; height?: number }) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return <svg width={width} height={height} aria-hidden="true" />;
  const low = Math.min(0, ...known);
  const size = Math.max(...known) - low || 1;
  let pen = "M";
  const path = values
    .map((value, index) => {
      if (value === null) {
        pen = "M";
        return "";
      }
      const step = `${pen}${((index / (values.length - 1)) * width).toFixed(1)},${(height - 1 - ((value - low) / size) * (height - 2)).toFixed(1)}`;
      pen = "L";
      return step;
    })
    .join("");
  return (
    <svg class="spark" width={width} height={height} aria-hidden="true">
      <path d={path} style={{ stroke: `var(--${ink})` }} />
    </svg>
  );
}
