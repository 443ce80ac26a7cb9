// Written by scripts/page-types from the OpenAPI document: change api/parkgrid_api/answers, never this file.

/** The current bill, its cost under other plans, and the revisions of a closed month. */
export interface BillAnswer {
  bill: BillShape;
  compared: BillShape[];
  revisions: BillRevision[];
}

/** What a bill rests on: terms, coverage, notes and closing. Numbers are exact texts. */
export interface BillDocument {
  currency: string;
  time_zone: string;
  start_ms: number;
  end_ms: number;
  /** The instant up to which it is computed; equal to `end_ms` when the month is over. */
  through_ms: number;
  terms: TermsShape;
  energy_kwh: string;
  estimated_kwh: string;
  /** By what is metered: `import`, `reactive`, and the codes of feed-in lines. */
  coverage: Record<string, CoverageShape>;
  minimum_coverage_pct: string;
  peak: PeakShape | null;
  power_factor: string | null;
  notes: NoteShape[];
  closing: ClosingShape | null;
  marks: MarkShape[] | null;
  total_cny: string;
  coverage_pct: string;
  provisional: boolean;
}

/**
 * One line of a bill; its numbers are exact texts.
 *
 * `marks` is null in a month that was closed before they were kept; `marks_zh` and `marks_en` say them in words.
 */
export interface BillLineShape {
  code: string;
  name_zh: string;
  name_en: string;
  quantity: string;
  unit: string;
  price: string | null;
  amount_cny: string;
  inputs: Record<string, string>;
  rule: RuleShape;
  marks: MarkShape[] | null;
  marks_zh: string;
  marks_en: string;
  address: string;
}

/** One closing of a month. */
export interface BillRevision {
  revision: number;
  closed_ms: number;
  closed_by: string;
  reason: string;
  total_cny: string;
  estimated_kwh: string;
  plan_version: string;
}

/** What an account owes for a month. */
export interface BillShape {
  account: string;
  park: string;
  month: string;
  plan_id: string;
  plan_version: string;
  plan_name_zh: string;
  plan_name_en: string;
  total_cny: string;
  energy_kwh: string;
  estimated_kwh: string;
  coverage_pct: string;
  provisional: boolean;
  peak: PeakShape | null;
  marks: MarkShape[] | null;
  marks_zh: string;
  marks_en: string;
  lines: BillLineShape[];
  document: BillDocument;
}

/** The possible range of an indicator; with `per_hour`, the upper bound is for each hour. */
export interface BoundsShape {
  low: number | null;
  high: number | null;
  per_hour: boolean;
  why: string;
}

/** One signal of the catalogue. */
export interface CatalogueSignal {
  name: string;
  unit: string;
  kind: SignalKind;
  resolution: number;
  low: number;
  high: number;
  states: string[];
}

/** The state of the broker, of ingest and of the store, from ingest's heartbeats. */
export interface ChainState {
  ingest: "running" | "silent" | "unknown";
  /** If ingest is silent: the time of its last heartbeat. */
  ingest_since_ms: number | null;
  broker: "connected" | "lost" | "unknown";
  store: "storing" | "disk_full" | "unavailable" | "unknown";
  /** Since when broker and store are in this state. */
  since_ms: number | null;
}

/**
 * What one vehicle took and gave back. The three origins and the unattributed part add up to its energy.
 *
 * Origins are null while the session is in progress, and if no origin is known.
 */
export interface ChargingSessionShape {
  gateway: string;
  device: string;
  name: string | null;
  start_ms: number;
  end_ms: number;
  state: "ended" | "under_way";
  charging_min: number;
  energy_kwh: number | null;
  returned_kwh: number | null;
  from_pv_kwh: number | null;
  from_storage_kwh: number | null;
  from_grid_kwh: number | null;
  unattributed_kwh: number | null;
  displayed_kwh: number | null;
  peak_kw: number | null;
  soc_start_pct: number | null;
  soc_end_pct: number | null;
  quality: "good" | "estimated" | "incomplete";
  coverage_pct: number;
  origin_quality: "good" | "estimated" | null;
}

/**
 * The sessions of a park that began in a span, by start and charger.
 *
 * Beside them what the registers of its chargers counted in the span: `registers_kwh` is `in_sessions_kwh` (of
 * sessions whenever they began, the part in the span) and `outside_sessions_kwh` together.
 */
export interface ChargingSessions {
  park: string;
  time_zone: string;
  from_ms: number;
  to_ms: number;
  as_of_ms: number;
  registers_kwh: number;
  in_sessions_kwh: number;
  outside_sessions_kwh: number;
  sessions: ChargingSessionShape[];
  rows: number;
}

/**
 * The power of one class by bucket, with the number of its devices and of their readings.
 *
 * `estimated_ms` are the starts of the quarter hours that are partly estimated.
 */
export interface ClassPower {
  devices: number;
  kw: (number | null)[];
  reporting: number[];
  samples: number[];
  estimated_ms: number[];
}

/** Who closed the month, when and why. */
export interface ClosingShape {
  revision: number;
  closed_at_ms: number;
  closed_by: string;
  reason: string;
}

/**
 * One figure: a value, or the reason why there is none, with its source and coverage.
 *
 * `coverage_pct` counts the intervals of the metered enterprises; `basis` says what part of the cluster they are, and
 * `output_share_pct` how much of its output they make.
 */
export interface ClusterFigureShape {
  name: string;
  name_zh: string;
  name_en: string;
  unit: string;
  formula: string;
  value: number | null;
  bound: "exact" | "at_least" | "metered_part";
  output_share_pct: number | null;
  basis: string;
  basis_zh: string;
  example: boolean;
  unavailable: string | null;
  unavailable_zh: string | null;
  coverage_pct: number | null;
  estimated_pct: number | null;
  sources: string[];
  revision: number | null;
  details: Record<string, number | string | null>;
  address: string;
}

/** Every output that was stated for a cluster. */
export interface ClusterQuarters {
  cluster: string;
  quarters: StatedQuarter[];
}

/** A cluster and its figures for a quarter. */
export interface ClusterShape {
  cluster: string;
  name_zh: string;
  name_en: string;
  kind: "competitive" | "potential";
  fields_zh: string[];
  places_zh: string[];
  pattern_zh: string;
  parks: string[];
  source: string;
  quarter: string;
  figures: ClusterFigureShape[];
}

/** All clusters of the plan for a quarter. */
export interface ClustersShape {
  plan: string;
  plan_zh: string;
  plan_en: string;
  valid_from: string;
  quarter: string;
  clusters: ClusterShape[];
  parks: ParkAttribution[];
}

/** A park's completeness on a local day. */
export interface CompleteDay {
  day: string;
  registers: number;
  coverage_pct: number | null;
  coverage_pct_min: number | null;
  expected: number;
  received: number;
  valid: number;
  estimated: number;
  late: number;
}

/** Expected and received readings of a register. */
export interface CompleteRegister {
  gateway: string;
  device: string;
  device_class: string;
  signal: string;
  expected: number | null;
  received: number | null;
  valid: number | null;
  estimated: number | null;
  late: number | null;
  good_intervals: number;
  estimated_intervals: number;
  intervals: number;
  coverage_pct: number | null;
}

/** How complete a park's readings are over a period; the score is the mean over its registers. */
export interface Completeness {
  park: string;
  period: string;
  from_ms: number;
  to_ms: number;
  as_of_ms: number;
  score_pct: number | null;
  days: CompleteDay[];
  registers: CompleteRegister[];
}

/** A second value for a stored reading: the first was kept. */
export interface Conflict {
  conflict_id: number;
  received_ms: number;
  park: string | null;
  gateway: string | null;
  device: string | null;
  device_class: string;
  at_ms: number;
  kept: unknown;
  refused: unknown;
}

/** Conflicting readings, newest first. */
export interface Conflicts {
  entries: Conflict[];
}

/** How much of some registers' energy is known, in quarter hours. */
export interface CoverageShape {
  expected: number;
  known: number;
  estimated: number;
  coverage_pct: string;
}

/** Columns of a signal: value of raw rows; mean, min, max of a gauge; first, last of a counter; last of a state. */
export interface Curve {
  value?: (number | null)[];
  mean?: (number | null)[];
  min?: (number | null)[];
  max?: (number | null)[];
  first?: (number | null)[];
  last?: (number | null)[];
}

/** A time without readings, and the part of the chain that failed. */
export interface DataGap {
  gateway: string;
  device: string;
  signal: string;
  from_ms: number;
  to_ms: number;
  cause: "device" | "gateway" | "link" | "ingest" | "source";
}

/** Times without readings that overlap a period. */
export interface DataGaps {
  park: string;
  period: string;
  gaps: DataGap[];
}

/** One local day of a park; `period_ms` is the longest period of the power devices that reported. */
export interface Day {
  park: string;
  date: string;
  time_zone: string;
  resolution: "1m" | "15m";
  bucket_ms: number;
  period_ms: number | null;
  from_ms: number;
  to_ms: number;
  as_of_ms: number;
  at_ms: number[];
  power: DayPower;
  /** By `class.register`. */
  energy: Record<string, Energy>;
}

/** The powers of a day by the part of the flow that they are of. */
export interface DayPower {
  pv: ClassPower;
  storage: ClassPower;
  grid: ClassPower;
  load: ClassPower;
  ev: ClassPower;
}

/** The direct-current bus of a PEDF building: power of its interface converter, voltage, and their targets. */
export interface DcBus {
  kw: number | null;
  state: State;
  age_s: number | null;
  stale_after_s: number;
  devices: number;
  reporting: number;
  estimated: boolean;
  measured: boolean;
  soc_pct?: number;
  voltage_v: number | null;
  reference_voltage_v: number | null;
  target_power_kw: number | null;
}

/** Every indicator. */
export interface Definitions {
  indicators: IndicatorShape[];
}

/** What `parkgrid up` does before its parks are live; until then, their readings are not counted as missing. */
export interface DemonstrationShape {
  phase: "history" | "starting";
  /** How much of the history is written, 0 to 1. */
  share: number | null;
  parks: string[];
}

/** A device as announced by its gateway. */
export interface Device {
  device_id: number;
  district: string | null;
  park: string;
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
  simulated: boolean;
  retired: boolean;
  first_seen_ms: number | null;
}

/** A device that is not read until the named problem is repaired. */
export interface DeviceProblem {
  park: string;
  gateway: string;
  device: string;
  device_class: string;
  /** As the gateway names it: `wrong_device`, `other_transaction`, `line_settings_differ`, `two_names`, or another. */
  problem: string;
}

/** Devices that need repair. */
export interface DeviceProblems {
  problems: DeviceProblem[];
}

/** The devices of a park. */
export interface Devices {
  park: string;
  devices: Device[];
}

/** How a figure is shown: a share of 0 to 1 in per cent; digits after the point, null for three significant ones. */
export interface DisplayShape {
  share: boolean;
  digits: number | null;
}

/** Every park at this moment. */
export interface District {
  as_of_ms: number;
  pv_of_use: number | null;
  parks: ParkNow[];
  chain: ChainState;
  demonstration: DemonstrationShape | null;
}

/** An indicator of parks together, with the addresses of those of each park. */
export interface DistrictFigureShape {
  name: string;
  name_zh: string;
  name_en: string;
  value: number | null;
  unit: string;
  display: DisplayShape;
  coverage_pct: number;
  estimated_pct: number;
  unavailable: string | null;
  unavailable_zh: string | null;
  at_ms: number | null;
  details: Record<string, number | string | null>;
  addresses: string[];
}

/** The indicators of parks together over a period; `until_ms` is where they end while it runs. */
export interface DistrictFigures {
  parks: string[];
  period: string;
  from_ms: number;
  to_ms: number;
  as_of_ms: number;
  until_ms: number;
  provisional: boolean;
  indicators: DistrictFigureShape[];
}

/** Energy by registers; `kwh` is null if it is not known. */
export interface Energy {
  kwh: number | null;
  devices: number;
  reporting: number;
  resets: number;
}

/** An interval as metered, or a sum by hour, day or month; for reactive registers in kvarh instead of kWh. */
export interface EnergyRow {
  gateway: string;
  device: string;
  device_class: string;
  signal: string;
  at_ms: number;
  period_s: number;
  energy_kwh?: number | null;
  energy_kvarh?: number | null;
  quality?: "good" | "estimated" | "missing" | null;
  expected?: number | null;
  received?: number | null;
  valid?: number | null;
  estimated?: number | null;
  late?: number | null;
  first_at_ms?: number | null;
  first_register_kwh?: number | null;
  first_register_kvarh?: number | null;
  last_at_ms?: number | null;
  last_register_kwh?: number | null;
  last_register_kvarh?: number | null;
  revision?: number | null;
  changed_at_ms?: number | null;
  cause?: string | null;
  /** The curve by which the energy of a gap was distributed over its time; none: evenly, or there is no gap. */
  spread?: "sun" | "neighbours" | "clock" | null;
  good?: number | null;
  estimated_intervals?: number | null;
  missing_intervals?: number | null;
  expected_intervals?: number | null;
  coverage_pct?: number | null;
  revised_at_ms?: number | null;
}

/** One power of the flow, and how current it is. */
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

/** An indicator of a scope. */
export interface FigureShape {
  name: string;
  name_zh: string;
  name_en: string;
  value: number | null;
  unit: string;
  display: DisplayShape;
  coverage_pct: number;
  estimated_pct: number;
  unavailable: string | null;
  unavailable_zh: string | null;
  at_ms: number | null;
  details: Record<string, number | string | null>;
  address: string;
}

/** The indicators of a scope over a period; `until_ms` is where they end while it runs. */
export interface Figures {
  park: string;
  period: string;
  from_ms: number;
  to_ms: number;
  as_of_ms: number;
  until_ms: number;
  provisional: boolean;
  indicators: FigureShape[];
}

/** Sources feed the bus (grid, pv, storage positive), sinks draw from it (load, ev positive). */
export interface Flow {
  pv: Figure;
  storage: Figure;
  grid: Figure;
  load: Figure;
  ev: Figure;
}

/** A former value of an interval, and who superseded it. */
export interface FormerRow {
  gateway: string;
  device: string;
  device_class: string;
  signal: string;
  at_ms: number;
  period_s: number;
  energy_kwh?: number | null;
  energy_kvarh?: number | null;
  quality?: "good" | "estimated" | "missing" | null;
  expected?: number | null;
  received?: number | null;
  valid?: number | null;
  estimated?: number | null;
  late?: number | null;
  first_at_ms?: number | null;
  first_register_kwh?: number | null;
  first_register_kvarh?: number | null;
  last_at_ms?: number | null;
  last_register_kwh?: number | null;
  last_register_kvarh?: number | null;
  revision?: number | null;
  changed_at_ms?: number | null;
  cause?: string | null;
  spread?: "sun" | "neighbours" | "clock" | null;
  good?: number | null;
  estimated_intervals?: number | null;
  missing_intervals?: number | null;
  expected_intervals?: number | null;
  coverage_pct?: number | null;
  revised_at_ms?: number | null;
  superseded_at_ms: number;
  superseded_by: string;
  superseded_cause: string;
}

/** Sequence numbers that never came. */
export interface Gap {
  park: string;
  gateway: string;
  epoch: number;
  first_seq: number;
  last_seq: number;
  noted_ms: number;
}

/** Gaps in the sequences, newest first. */
export interface Gaps {
  entries: Gap[];
}

/** A gateway, whether it is online, and its last report about itself. */
export interface GatewayState {
  park: string;
  gateway: string;
  online: boolean | null;
  epoch: number | null;
  agent_version: string | null;
  simulated: boolean;
  /** Whether it represents imported files or another database; then it is neither online nor offline. */
  imported: boolean;
  birth_ms: number | null;
  /** When ingest last received a message of it, by the server's clock; retained messages do not count. */
  last_seen_ms: number | null;
  /** The time of its last status, by its own clock; for a last will, the time at which it connected. */
  status_ms: number | null;
  last_seen_age_s: number | null;
  /** When readings of it were last refused because of their time, if that was within the last seconds. */
  clock_refused_ms: number | null;
  health_at_ms: number | null;
  /** The period of its own health readings. */
  health_period_s: number | null;
  health: Record<string, number>;
}

/** All gateways. */
export interface Gateways {
  gateways: GatewayState[];
}

/** Whether the process and its database answer. */
export interface Health {
  status: "ok" | "degraded";
  database: "ok" | "unreachable";
  migrations: number | null;
  commit_notices: boolean;
  streams: number;
  page: "built" | "not built";
}

/**
 * The history of one device.
 *
 * `estimated` names by signal the starts of buckets that hold estimates, of 15 minutes at least; of raw readings their
 * flags say it.
 */
export interface History {
  park: string;
  gateway: string;
  device: string;
  device_class: string;
  resolution: "raw" | "1m" | "15m" | "1d";
  bucket_ms: number;
  from_ms: number;
  to_ms: number;
  as_of_ms: number;
  rows: number;
  truncated: boolean;
  next_from_ms: number | null;
  estimated: Record<string, number[]>;
  history: HistoryColumns;
}

/** Columns of equal length, by time. */
export interface HistoryColumns {
  at_ms: number[];
  samples?: number[];
  flags?: [number, Record<string, string>][];
  curves: Record<string, Curve>;
}

/** What an indicator is. */
export interface IndicatorShape {
  name: string;
  name_zh: string;
  name_en: string;
  formula: string;
  unit: string;
  inputs: string[];
  optional_inputs: string[];
  ratings: string[];
  factors: string[];
  minimum_coverage_pct: number;
  bounds: BoundsShape;
  display: DisplayShape;
  source: string;
}

/** Former values of the intervals of a span. */
export interface IntervalRevisions {
  park: string;
  time_zone: string;
  unit: "kWh" | "kvarh";
  from_ms: number;
  to_ms: number;
  as_of_ms: number;
  address: string;
  revisions: FormerRow[];
  rows: number;
}

/** Energies of a span, with a row for every slot; null where nothing is known. */
export interface Intervals {
  park: string;
  time_zone: string;
  resolution: "15m" | "1h" | "1d" | "1mo";
  unit: "kWh" | "kvarh";
  from_ms: number;
  to_ms: number;
  as_of_ms: number;
  address: string;
  intervals: EnergyRow[];
  rows: number;
}

/** The overview with the newest reading of every device. */
export interface Live {
  park: string;
  as_of_ms: number;
  newest_ms: number | null;
  simulated: boolean;
  flow: Flow;
  loss_kw: number | null;
  pv_of_use: number | null;
  dc: DcBus | null;
  gateways: GatewayState[];
  chain: ChainState;
  troubles: TroubleShape[];
  demonstration: DemonstrationShape | null;
  devices: LiveDevice[];
}

/** The newest reading of a device; absent signals are absent. */
export interface LiveDevice {
  gateway: string;
  device: string;
  device_class: string;
  name: string | null;
  simulated: boolean;
  at_ms: number | null;
  received_ms: number | null;
  age_s: number | null;
  stale_after_s: number;
  stale: boolean;
  values: Record<string, number>;
  flags: Record<string, string>;
}

/**
 * The estimated part of an input of a line, in its unit, and the number of missing quarter hours.
 *
 * `of` is `import`, `reactive`, the code of a feed-in line, or `peak`: the interval of the highest demand.
 */
export interface MarkShape {
  of: string;
  unit: string;
  estimated: string;
  estimated_intervals: number;
  missing_intervals: number;
}

/** One thing wrong with a request. */
export interface MistakeShape {
  field: string;
  value: string;
  remedy: string;
}

/** Identifier and name of a device. */
export interface NamedDevice {
  device: string;
  name: string;
}

/** A note to the reader of the bill; with `blocks`, the month cannot be closed until it is resolved. */
export interface NoteShape {
  code: string;
  zh: string;
  en: string;
  blocks: boolean;
}

/** The content of every event of the live stream. */
export interface Overview {
  park: string;
  as_of_ms: number;
  newest_ms: number | null;
  simulated: boolean;
  flow: Flow;
  loss_kw: number | null;
  pv_of_use: number | null;
  dc: DcBus | null;
  gateways: GatewayState[];
  chain: ChainState;
  troubles: TroubleShape[];
  demonstration: DemonstrationShape | null;
}

/** A park and what it has. */
export interface Park {
  park: string;
  district: string | null;
  name_zh: string | null;
  name_en: string | null;
  time_zone: string;
  gateways: number;
  gateways_online: number;
  devices: number;
  simulated: boolean;
}

/**
 * The energy of a park by enterprise.
 *
 * `unattributed_kwh` belongs to none of them, and is below 0 if shares and sub-meters overlap.
 */
export interface ParkAttribution {
  park: string;
  name_zh: string;
  name_en: string;
  simulated: boolean;
  energy_kwh: number | null;
  attributed_kwh: number;
  unattributed_kwh: number | null;
  coverage_pct: number;
  estimated_pct: number;
}

/** One park of the district at this moment. */
export interface ParkNow {
  park: string;
  district: string | null;
  name_zh: string | null;
  name_en: string | null;
  time_zone: string;
  simulated: boolean;
  gateways: number;
  gateways_online: number;
  devices: number;
  newest_ms: number | null;
  flow: Flow;
  pv_of_use: number | null;
  troubles: TroubleShape[];
}

/** All parks. */
export interface Parks {
  parks: Park[];
}

/** The highest demand and its cost, whether its interval is estimated, and the highest good interval. */
export interface PeakShape {
  demand_kw: string;
  at_ms: number;
  window_s: number;
  cost_cny: string;
  estimated: boolean | null;
  missing: number | null;
  good_kw: string | null;
  good_at_ms: number | null;
  good_cost_cny: string | null;
}

/** What went wrong (RFC 9457). */
export interface ProblemShape {
  type: string;
  title: string;
  status: number;
  problems: MistakeShape[];
}

/** What was refused in a span, counted by reason. */
export interface Quarantine {
  total: number;
  reasons: Record<string, number>;
  entries: QuarantineEntry[];
}

/** Something that was refused, with the reason. */
export interface QuarantineEntry {
  quarantine_id: number;
  received_ms: number;
  park: string | null;
  gateway: string | null;
  epoch: number | null;
  seq: number | null;
  device: string | null;
  reason: string;
  location: string | null;
  content: string | null;
  occurrences: number;
}

/** A change of a register that cannot be true. */
export interface RegisterFinding {
  gateway: string;
  device: string;
  signal: string;
  kind: "jumped" | "reset" | "left_out" | "too_much";
  /** The first accepted reading after it; for `left_out` the first of those readings, for `too_much` the interval. */
  at_ms: number;
  /** The accepted reading before it. */
  from_ms: number;
  from_register_kwh: number | null;
  register_kwh: number | null;
  /** The energy that would have been counted; for a reset, the energy that was counted. */
  energy_kwh: number;
  /** Number of readings that were left out. */
  readings: number;
}

/** Changes of registers in a period that cannot be true. */
export interface RegisterFindings {
  park: string;
  period: string;
  findings: RegisterFinding[];
}

/** Where a line of a bill comes from. */
export interface RuleShape {
  plan_id: string;
  version: string;
  clause: string;
}

/** What a signal's number means over time. */
export type SignalKind = "gauge" | "counter" | "state";

/** The catalogue by device class. */
export interface Signals {
  classes: Record<string, CatalogueSignal[]>;
}

/** How current a figure is, best first. */
export type State = "live" | "stale" | "incomplete" | "missing" | "none";

/** One stated output, current or former. */
export interface StatedQuarter {
  quarter: string;
  revision: number;
  current: boolean;
  basis: "quarter" | "cumulative";
  output_100m_cny: number;
  stated: string;
  unit: string;
  source: string;
  note: string;
  file: string;
  cell: string;
  file_digest: string;
  entered_by: string;
  entered_ms: number;
}

/** The supply agreements of a park that are valid today. */
export interface Supply {
  park: string;
  agreements: SupplyAgreement[];
}

/** The agreement with the supplier for an account (户), with the agreed demand if there is one. */
export interface SupplyAgreement {
  account: string;
  plan_id: string;
  demand_basis: "none" | "capacity" | "contracted_demand" | "measured_demand";
  contracted_kw: number | null;
  capacity_kva: number | null;
  valid_from: string;
  valid_to: string | null;
}

/** The terms of an account's supply agreement. */
export interface TermsShape {
  account: string;
  park: string;
  demand_basis: "none" | "capacity" | "contracted_demand" | "measured_demand";
  capacity_kva: string | null;
  contracted_kw: string | null;
  power_factor_standard: string | null;
  voltage_class: string;
}

/** Where a figure came from, and the result of computing it again. */
export interface TraceShape {
  address: string;
  definition: TracedDefinition;
  published: number | string | null;
  recomputed: number | string | null;
  equal: boolean;
  unit: string;
  coverage_pct: number | null;
  estimated_pct: number | null;
  basis: string;
  basis_zh: string;
  unavailable: string | null;
  unavailable_zh: string | null;
  details: Record<string, number | string | null>;
  rules: TracedRule[];
  inputs: TracedInput[];
  registers: Record<string, unknown>[];
  readings: Record<string, unknown>[];
  notes: string[];
}

/** What a traced figure is. */
export interface TracedDefinition {
  name: string;
  name_zh: string;
  name_en: string;
  formula: string;
  unit: string;
  source: string;
}

/** One quantity that entered a figure: a sum of an energy, a mean of anything else, over the intervals known. */
export interface TracedInput {
  name: string;
  unit: string;
  value: number | null;
  /** The same, computed from the readings; null if the stored value is used. */
  recomputed: number | null;
  /** Intervals that are known. */
  known: number;
  count: number;
  estimated: number;
  /** `gateway/device/signal` of each. */
  registers: string[];
}

/** A dated number or a rule that a figure used, with its version. */
export interface TracedRule {
  name: string;
  value: string;
  version: string;
  source: string;
}

/** A problem on the way of a park's readings. Consequences of a listed problem are not listed. */
export interface TroubleShape {
  kind: "ingest" | "disk_full" | "store" | "broker" | "gateway_offline" | "gateway_silent" | "gateway_quiet" | "devices_silent" | "device_silent" | "gateway_late" | "gateway_clock";
  gateway: string | null;
  since_ms: number | null;
  /** Devices that are silent. */
  count: number;
  /** Devices of the gateway. */
  of: number;
  /** The first few of the silent ones. */
  devices: NamedDevice[];
  /** Only for `gateway_late`: seconds from a reading's time to its arrival. */
  delay_s: number | null;
}
