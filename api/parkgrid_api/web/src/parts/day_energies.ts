// What the register of each device gained today: its last reading less its first one of the day. A register that ran
// backwards gives no number.

import { ask } from "../api_client";
import { usePolled } from "../use_query";
import { chosen } from "../state";
import type { History } from "../types";
import type { Member } from "./member";
import { dayShown } from "./class_chart";

export function useDayEnergies(members: Member[], signal: string): (number | null)[] {
  const { from_ms, to_ms } = dayShown();
  const key = members.map(({ device }) => device.gateway + device.device).join() + signal + from_ms;
  const one = async ({ device }: Member): Promise<number | null> => {
    if (!device.signals.includes(signal)) return null;
    const path = `/devices/${chosen.peek()}/${device.gateway}/${device.device}/history?signals=${signal}&from=${from_ms}&to=${to_ms}&points=400`;
    const curve = (await ask<History>(path)).history.curves[signal];
    const starts = (curve?.first ?? curve?.value ?? []).filter((value) => value !== null);
    const ends = (curve?.last ?? curve?.value ?? []).filter((value) => value !== null);
    const [from, to] = [starts[0], ends[ends.length - 1]];
    return from === undefined || to === undefined || to < from ? null : to - from;
  };
  return usePolled(key, () => Promise.all(members.map((member) => one(member).catch(() => null))), 60_000).data ?? [];
}
