// A device as its view shows it.

import type { Device, LiveDevice } from "../types";

export interface Member {
  device: Device;
  live: LiveDevice | undefined;
}
