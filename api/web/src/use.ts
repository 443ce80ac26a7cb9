// What a park uses at this moment, and how much of it its own PV covers.

import type { ParkNow } from "./types";

export function useOf(one: ParkNow): number {
  return Math.max(0, one.flow.load.kw ?? 0) + Math.max(0, one.flow.ev.kw ?? 0);
}

export function ownShare(one: ParkNow): number | null {
  const use = useOf(one);
  return one.flow.pv.kw === null || one.flow.load.kw === null || use <= 0 ? null : Math.min(1, Math.max(0, one.flow.pv.kw) / use);
}
