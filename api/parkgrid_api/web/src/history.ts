// One question for the history of one signal, answered for the whole of its span.

import { ask } from "./api_client";
import type { Device, History } from "./types";

const ROLLUPS: [string, number][] = [
  ["1m", 60_000],
  ["15m", 900_000],
  ["1d", 86_400_000],
];

/** The finest answer that fits. The server counts on the present period of the device; where it was read more often
 * once, the readings do not fit and the answer ends early: then a roll-up is asked for, which always fits. */
export async function askHistory(park: string, device: Device, signal: string, fromMs: number, toMs: number, points: number): Promise<History> {
  const path = `/devices/${park}/${device.gateway}/${device.device}/history?signals=${signal}&from=${fromMs}&to=${toMs}&points=${points}`;
  const found = await ask<History>(path);
  if (!found.truncated) return found;
  const [fitting] = ROLLUPS.find(([, bucketMs]) => (toMs - fromMs) / bucketMs <= points) ?? ["1d"];
  return ask<History>(`${path}&resolution=${fitting}`);
}
