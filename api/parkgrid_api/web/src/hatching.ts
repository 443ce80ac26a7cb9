// Gaps on a canvas: hatched, so that nothing looks like zero; and the dots that stand alone between them.

import type uPlot from "uplot";
import { alone } from "./gaps";
import { colour } from "./theme";

/** The full height of the plot from one place of its x axis to another, in the axis' own values; a second hatch of the
 * same spell is shifted, so that it lies between the lines of the first. */
export function hatch(plot: uPlot, from: number, to: number, ink = "rule", shift = 0): void {
  const { ctx, bbox } = plot;
  const left = Math.max(bbox.left, plot.valToPos(from, "x", true));
  const right = Math.min(bbox.left + bbox.width, plot.valToPos(to, "x", true));
  if (right <= left) return;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, bbox.top, right - left, bbox.height);
  ctx.clip();
  ctx.strokeStyle = colour(ink);
  ctx.lineWidth = 1;
  ctx.beginPath();
  // Every line begins at a place that does not depend on the spell, so that neighbours go together.
  for (let x = Math.floor((left - bbox.height) / 8) * 8 + shift; x < right; x += 8) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.restore();
}

export const ALONE: uPlot.Series.Points = {
  show: true,
  size: 4,
  filter: (plot, series) => alone(plot.data[series] as (number | null | undefined)[]),
};
