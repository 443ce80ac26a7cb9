// The shapes of the API's answers that the page uses; api/answers.py describes them for everybody.

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
  gateway: string;
  online: boolean | null;
  simulated: boolean;
  agent_version: string | null;
  last_seen_age_s: number | null;
  health_at_ms: number | null;
  health: Record<string, number>;
}

export interface Overview {
  park: string;
  as_of_ms: number;
  newest_ms: number | null;
  simulated: boolean;
  flow: Record<Part, Figure>;
  loss_kw: number | null;
  gateways: Gateway[];
}

export interface Park {
  park: string;
  district: string | null;
  name_zh: string | null;
  name_en: string | null;
  time_zone: string;
  devices: number;
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
  power: Record<Part, { devices: number; kw: (number | null)[]; reporting: number[] }>;
  energy: Record<string, Energy>;
}

export interface Quarantine {
  total: number;
  reasons: Record<string, number>;
  entries: { gateway: string | null; device: string | null; reason: string; content: string | null; received_ms: number }[];
}

export interface Problem {
  title: string;
  status: number;
  problems: { field: string; value: string; remedy: string }[];
}
