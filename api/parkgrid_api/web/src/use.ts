// What a park uses at this moment.

import type { ParkNow } from "./types";

export function useOf(one: ParkNow): number {
  return Math.max(0, one.flow.load.kw ?? 0) + Math.max(0, one.flow.ev.kw ?? 0);
}
