// Where nothing was reported: short holes are bridged by a line, longer ones stay empty and are hatched.

import type { Day } from "./types";

export type Column = (number | null)[];

/** How many empty buckets in a row are no gap: an empty bucket proves a silence of its own length, two periods are normal. */
export function bridgeable(shown: Day): number {
  return Math.max(1, Math.ceil((2 * (shown.period_ms ?? 0)) / shown.bucket_ms)) - 1;
}

/** The column with a line from bucket to bucket over every hole of at most so many empty buckets. */
export function bridged(column: Column, most: number): Column {
  const whole = [...column];
  let last = -1;
  column.forEach((kw, index) => {
    if (kw === null) return;
    const from = column[last] ?? null;
    if (from !== null && index - last - 1 <= most) {
      for (let hole = last + 1; hole < index; hole++) whole[hole] = from + ((kw - from) * (hole - last)) / (index - last);
    }
    last = index;
  });
  return whole;
}
