// A signal of a device that is drawn in the time view, and how the address names it.

import type { Device } from "../types";

export interface Plot {
  device: Device;
  signal: string;
}

export const plotText = (plots: Plot[]): string => plots.map(({ device, signal }) => `${device.gateway}/${device.device}/${signal}`).join(",");
