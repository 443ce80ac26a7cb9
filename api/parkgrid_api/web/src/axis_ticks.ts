// Marks of an axis at round numbers: 0, 500, 1,000 and not 0, 487, 974.

const STEPS = [1, 2, 2.5, 5, 10];

/** At most so many marks at a round distance, from at or below the lowest to at or above the highest. */
export function axisTicks(low: number, high: number, most: number): number[] {
  const size = high - low;
  if (!(size > 0) || most < 2) return [low];
  const rough = size / (most - 1);
  const decade = 10 ** Math.floor(Math.log10(rough));
  for (const step of [...STEPS, ...STEPS.map((one) => 10 * one)].map((one) => one * decade)) {
    const [first, last] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
    if (last - first < most) return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
  }
  return [low, high];
}
