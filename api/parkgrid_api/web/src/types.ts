// The shapes of the API's answers that the page uses; api/parkgrid_api/answers.py describes them for everybody.

export type Part = "pv" | "storage" | "grid" | "load" | "ev";
export type State = "live" | "stale" | "incomplete" | "missing" | "none";

export interface Figure {
  kw: number | null;
  state: State;
  age_s: number | null;
  stale_after_s: number;
  devices: number;
  reporting: number;
  estimated: boolean;
  measured: boolean;
  soc_pct?: number;
}

export interface Gateway {
  park: string;
  gateway: string;
  online: boolean | null;
  imported: boolean;
  simulated: boolean;
  agent_version: string | null;
  last_seen_age_s: number | null;
  health_period_s: number | null;
  health_at_ms: number | null;
  health: Record<string, number>;
}

/** Something out of order on the way of a park's readings, as the server names it. */
export interface Trouble {
  kind: "ingest" | "disk_full" | "store" | "broker" | "gateway_offline" | "gateway_silent" | "gateway_quiet" | "devices_silent" | "device_silent" | "gateway_late" | "gateway_clock";
  gateway: string | null;
  since_ms: number | null;
  count: number;
  of: number;
  devices: { device: string; name: string }[];
  /** Of gateway_late: seconds from a reading's stamp to its arrival. */
  delay_s: number | null;
}

/** What `parkgrid up` is doing before its parks are live; `share` 0 to 1 of the history that it writes. */
export interface Demonstration {
  phase: "history" | "starting";
  share: number | null;
  parks: string[];
}

export interface DcBus extends Figure {
  voltage_v: number | null;
  reference_voltage_v: number | null;
  target_power_kw: number | null;
}

export interface ParkNow extends Park {
  simulated: boolean;
  gateways: number;
  gateways_online: number;
  newest_ms: number | null;
  flow: Record<Part, Figure>;
  pv_of_use: number | null;
  troubles: Trouble[];
}

export interface District {
  as_of_ms: number;
  pv_of_use: number | null;
  parks: ParkNow[];
  demonstration: Demonstration | null;
}

export interface Device {
  gateway: string;
  device: string;
  device_class: string;
  name: string | null;
  model: string | null;
  firmware: string | null;
  period_s: number;
  ratings: Record<string, number> | null;
  signals: string[];
  station: string | null;
  line: string | null;
  transformer: string | null;
  account: string | null;
  retired: boolean;
}

export interface LiveDevice {
  gateway: string;
  device: string;
  device_class: string;
  name: string | null;
  at_ms: number | null;
  age_s: number | null;
  stale_after_s: number;
  stale: boolean;
  values: Record<string, number>;
  flags: Record<string, string>;
}

export type Column = (number | null)[];

export interface History {
  gateway: string;
  device: string;
  device_class: string;
  resolution: "raw" | "1m" | "15m" | "1d";
  bucket_ms: number;
  from_ms: number;
  to_ms: number;
  truncated: boolean;
  /** By signal the starts of buckets that hold estimates. */
  estimated: Record<string, number[]>;
  history: { at_ms: number[] | null; samples?: number[]; flags?: [number, Record<string, string>][]; curves: Record<string, Partial<Record<"value" | "mean" | "min" | "max" | "first" | "last", Column>>> };
}

export interface Signal {
  name: string;
  unit: string;
  kind: "gauge" | "counter" | "state";
  resolution: number;
  states: string[];
}

export interface Overview {
  park: string;
  as_of_ms: number;
  newest_ms: number | null;
  simulated: boolean;
  flow: Record<Part, Figure>;
  loss_kw: number | null;
  /** The part of the present use that photovoltaics cover. */
  pv_of_use: number | null;
  dc: DcBus | null;
  gateways: Gateway[];
  troubles: Trouble[];
  demonstration: Demonstration | null;
}

export interface Park {
  park: string;
  district: string | null;
  name_zh: string | null;
  name_en: string | null;
  time_zone: string;
  devices: number;
  simulated: boolean;
}

export interface Energy {
  kwh: number | null;
  devices: number;
  reporting: number;
  resets: number;
}

export interface Day {
  date: string;
  time_zone: string;
  bucket_ms: number;
  /** The longest period of the power devices that reported. */
  period_ms: number | null;
  from_ms: number;
  to_ms: number;
  at_ms: number[];
  power: Record<Part, { devices: number; kw: (number | null)[]; reporting: number[]; samples: number[]; estimated_ms: number[] }>;
  energy: Record<string, Energy>;
}

export interface Quarantine {
  total: number;
  reasons: Record<string, number>;
  entries: { gateway: string | null; device: string | null; reason: string; location: string | null; content: string | null; received_ms: number }[];
}

export interface Problem {
  title: string;
  status: number;
  problems: { field: string; value: string; remedy: string }[];
}
