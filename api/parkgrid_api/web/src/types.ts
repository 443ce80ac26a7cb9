// Written by scripts/page-types from the OpenAPI document: change api/parkgrid_api/answers, never this file.

/** Forecasts by park, and resources in the order of their identifiers. */
export interface Accuracy {
  head: ChainHead | null;
  parks: ParkForecast[];
  total: number;
  resources: ResourceAccuracy[];
}

/** What the pool, one park, transformer or resource can do, given the plan and the events that were accepted. */
export interface Adjustable {
  kind: "all" | "park" | "transformer" | "resource";
  id: string;
  name_zh: string;
  name_en: string;
  /** Reduction of what is drawn. */
  up: AdjustableSide;
  down: AdjustableSide;
  /** Of a resource alone. */
  facts: AdjustableFacts | null;
}

/** What one resource needs and what its capability rests on. */
export interface AdjustableFacts {
  ramp_kw_per_min: number;
  notice_min: number;
  recovery_min: number;
  /**
   * How often nine tenths of what was promised were there; of a resource without a forecast the accuracy of its last
   * capability test. Null: not known.
   */
  confidence_pct: number | null;
  /** Of its forecast; null: it has none. */
  method: string | null;
  issued_ms: number | null;
}

/** One direction over the quarter hours of the next day, in kW, minutes that it can be held, and what limits it. */
export interface AdjustableSide {
  kw: number[];
  minutes: number[];
  limit: ("power" | "energy" | "reserved" | "floor" | "departure" | "plan" | "least_load" | "transformer" | "notice" | "recovery" | "unknown")[];
}

/** The same-day adjustment of a baseline. */
export interface AdjustmentShape {
  applied: "none" | "factor" | "shift" | "not_read";
  factor: string;
  shift_kwh: number;
  capped: boolean;
  past_kwh: number | null;
  today_kwh: number | null;
}

/** One operator's resources together. */
export interface AwardLive {
  promised_kw: number;
  measured_kw: number | null;
  shortfall_kw: number | null;
  award: string;
  operator: string;
  operator_zh: string;
  operator_en: string;
  /** What it is to deliver, without what opted out in time. */
  kw: number;
  /** Resources of which nothing was measured in the last minutes. */
  unknown: number;
}

/** What an operator's site is to do: by how much, when, with what. */
export interface AwardOrder {
  event: string;
  award: string;
  operator: string;
  direction: "shave" | "fill";
  state: "published" | "awarded" | "disputed" | "notified" | "acknowledged" | "ramping" | "active" | "ending" | "ended" | "baseline_computed" | "evaluated" | "settled" | "closed" | "cancelled" | "superseded";
  from_ms: number;
  to_ms: number;
  opt_out_until_ms: number;
  /** Without what opted out in time. */
  kw: number;
  price_cny_per_kwh: string;
  parts: AwardPart[];
}

/** What one resource is to contribute. */
export interface AwardPart {
  resource: string;
  name_zh: string;
  name_en: string;
  park: string;
  kind: "storage" | "v2g" | "charger_pool" | "interruptible" | "shiftable" | "pv_curtailment" | "pedf";
  kw: number;
  /** Out in time: it need do nothing. */
  opted_out: boolean;
}

/** One operator's award: the quarter hours of all its resources together, money, and every revision. */
export interface AwardShape {
  award: string;
  bid: string;
  operator: string;
  operator_zh: string;
  operator_en: string;
  awarded_kw: number;
  /** Without what opted out in time. */
  kw: number;
  resources: number;
  verdicts: VerdictCounts | null;
  quarters: QuarterShape[];
  /** Empty where the rules settle each resource by itself, or before it was settled. */
  intervals: IntervalMoney[];
  /** The one that stands comes last. */
  statements: StatementShape[];
}

/** One day that was looked at for a baseline. */
export interface BaselineDay {
  day: string;
  outcome: "counts" | "not_picked" | "other_kind" | "event_day" | "not_read" | "too_low" | "too_high" | "not_needed";
  /** Over the event's quarter hours of that day. */
  energy_kwh: number | null;
  /** Over those of the adjustment. */
  window_kwh: number | null;
  detail: string;
}

/** The baseline of a resource, frozen with the award. */
export interface BaselineShape {
  name: string;
  digest: string | null;
  enough: boolean;
  eligible: boolean;
  /** SHA-256 of the register readings that it was computed from. */
  readings: string;
  days: BaselineDay[];
  /** Before its adjustment, by quarter hour. */
  curve_kwh: number[] | null;
  /** Null before it was made. */
  adjustment: AdjustmentShape | null;
}

/** What an operator offered, the last in time. */
export interface BidShape {
  bid: string;
  operator: string;
  price_cny_per_kwh: string;
  kw: number;
  resources: number;
  at_ms: number;
  entry: number;
}

/** The bill that holds, what other plans would cost, and the revisions of a closed month. */
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
  /** How far it has been counted; the same as `end_ms` once the month is over. */
  through_ms: number;
  terms: TermsShape;
  energy_kwh: string;
  estimated_kwh: string;
  /** By what is counted: `import`, `reactive`, and codes of feed-in lines. */
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

/** What an indicator can be at all; `per_hour` means that the upper bound is that of each hour. */
export interface BoundsShape {
  low: number | null;
  high: number | null;
  per_hour: boolean;
  why: string;
}

/** The capability of the next 24 hours, by quarter hour. */
export interface CapabilityShape {
  head: ChainHead | null;
  at_ms: number[];
  total: number;
  /**
   * The pool first, then parks and transformers; with an operator or a resource named, each resource last. Empty: no
   * resource is active.
   */
  of: Adjustable[];
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

/** The last entry of the ledger: whoever has it can tell whether what came before was changed. */
export interface ChainHead {
  number: number;
  digest: string;
  at_ms: number;
}

/** How the parts between the gateways and the database stand, as ingest's signs of life tell. */
export interface ChainState {
  ingest: "running" | "silent" | "unknown";
  /** When an ingest that is silent now was heard last. */
  ingest_since_ms: number | null;
  broker: "connected" | "lost" | "unknown";
  store: "storing" | "disk_full" | "unavailable" | "unknown";
  /** Since when broker and store stand like this. */
  since_ms: number | null;
}

/**
 * What one vehicle took and gave back; the three origins and what is not attributed make up its energy.
 *
 * Origins are null while a session is under way, and where none of it is known.
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
 * The power of one class by bucket, how many devices it is the sum of, and of how many readings of theirs.
 *
 * `estimated_ms` are the starts of the quarters of an hour in which some of it is an estimate.
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
 * One figure: a value, or the reason why there is none; with its source and how much of it is known.
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

/** Every output that was ever stated for a cluster. */
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

/** How much of what should have come from a register came. */
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

/** A state that an event, or one award of it, came to. */
export interface CourseStep {
  state: "published" | "awarded" | "disputed" | "notified" | "acknowledged" | "ramping" | "active" | "ending" | "ended" | "baseline_computed" | "evaluated" | "settled" | "closed" | "cancelled" | "superseded";
  at_ms: number;
  award: string | null;
  by_event: string | null;
  reason: string;
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

/** A spell without readings and the part of the way that failed. */
export interface DataGap {
  gateway: string;
  device: string;
  signal: string;
  from_ms: number;
  to_ms: number;
  cause: "device" | "gateway" | "link" | "ingest" | "source" | "restore";
}

/** Spells without readings that touch a period. */
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

/** A PEDF building's direct-current bus: power through its interface, voltage, and what was asked for. */
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

/** How late readings of an event came: received at the centre less measured at the device, seconds. */
export interface DelayShape {
  /** Why nothing is known of it. */
  why: "" | "opted_out" | "not_begun" | "no_baseline" | "no_reading" | "own_time";
  /** So many were looked at: of each device at most 120, spread evenly over the event. */
  readings: number;
  median_s: number | null;
  most_s: number | null;
}

/** What `parkgrid up` does before its parks are live; of these nothing is missed meanwhile. */
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

/** A device that is not read until a person mends what is named. */
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

/** Disputes: those that are open first, then the last raised first. */
export interface DisputeList {
  head: ChainHead | null;
  total: number;
  open: number;
  disputes: DisputeRow[];
}

/** A dispute with its last step. */
export interface DisputeRow {
  dispute: string;
  event: string;
  name_zh: string;
  name_en: string;
  statement: string;
  open: boolean;
  step: "raised" | "answered" | "decided";
  raised_ms: number;
  /** Of the last step. */
  at_ms: number;
  /** The last step came after the day until which it was to follow. */
  late: boolean;
  text: string;
  due: string;
}

/** A dispute about a statement. */
export interface DisputeShape {
  dispute: string;
  statement: string;
  open: boolean;
  steps: DisputeStep[];
}

/** One step of a dispute. */
export interface DisputeStep {
  step: "raised" | "answered" | "decided";
  at_ms: number;
  /** It came after the day until which it was to follow. */
  late: boolean;
  text: string;
  due: string;
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

/** What one event brought an operator, by the statement that stands. */
export interface Earning {
  event: string;
  name_zh: string;
  name_en: string;
  from_ms: number;
  statement: string;
  revision: number;
  status: "simulation" | "payable";
  payment_cny: string;
  penalty_cny: string;
  net_cny: string;
  operator_part_cny: string;
  user_part_cny: string;
  /** Its number in the ledger. */
  entry: number;
  digest: string;
}

/** How good a baseline was over the history of a resource. */
export interface EligibilityShape {
  rule: string;
  digest: string;
  from_day: string;
  to_day: string;
  days: number;
  mae_kw: string;
  bias_pct: string;
  rrmse_pct: string;
  passes: boolean;
  why: string;
}

/** What registers gained; `kwh` is null where none can tell. */
export interface Energy {
  kwh: number | null;
  devices: number;
  reporting: number;
  resets: number;
}

/** An interval as metered, or a sum by hour, day or month; a reactive register counts in kvarh instead of kWh. */
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
  /** By what the energy of a gap was spread over its time; none: evenly, or there is no gap. */
  spread?: "sun" | "neighbours" | "clock" | null;
  good?: number | null;
  estimated_intervals?: number | null;
  missing_intervals?: number | null;
  expected_intervals?: number | null;
  coverage_pct?: number | null;
  revised_at_ms?: number | null;
}

/** Entries of the ledger in their order, and its head. */
export interface Entries {
  head: ChainHead | null;
  entries: EntryShape[];
}

/** One act, as it stands in the ledger. */
export interface EntryShape {
  number: number;
  kind: string;
  subject: string;
  at_ms: number;
  by: string;
  previous: string;
  digest: string;
}

/** One act with everything that it says. */
export interface EntryWhole {
  number: number;
  kind: string;
  subject: string;
  at_ms: number;
  by: string;
  previous: string;
  digest: string;
  document: Record<string, unknown>;
}

/** Entries about one event, the newest first. */
export interface EventEntries {
  head: ChainHead | null;
  event: string;
  total: number;
  entries: EntryShape[];
}

/** Events, those that begin last first. */
export interface EventList {
  as_of_ms: number;
  head: ChainHead | null;
  total: number;
  events: EventShort[];
}

/** An event by minute, all awards together, and where each award and resource stands; it moves no money. */
export interface EventLive {
  promised_kw: number;
  measured_kw: number | null;
  shortfall_kw: number | null;
  event: string;
  direction: "shave" | "fill";
  state: "published" | "awarded" | "disputed" | "notified" | "acknowledged" | "ramping" | "active" | "ending" | "ended" | "baseline_computed" | "evaluated" | "settled" | "closed" | "cancelled" | "superseded";
  as_of_ms: number;
  from_ms: number;
  to_ms: number;
  /** What is to be delivered, without what opted out in time. */
  kw: number;
  /** The newest minute in which anything was measured. */
  newest_ms: number | null;
  /** Minutes that are over; of an event with very many resources the newest. */
  at_ms: number[];
  /** By minute, of the resources that were measured in it, kW. */
  promised: number[];
  measured: (number | null)[];
  awards: AwardLive[];
  total: number;
  /** In the order of their identifiers. */
  resources: ResourceLive[];
}

/** One resource of an event with every quarter hour. */
export interface EventResource {
  resource: string;
  name_zh: string;
  name_en: string;
  park: string;
  kind: "storage" | "v2g" | "charger_pool" | "interruptible" | "shiftable" | "pv_curtailment" | "pedf";
  operator: string;
  award: string;
  kw: number;
  opted_out: boolean;
  baseline: string | null;
  eligible: boolean | null;
  promised_kwh: number;
  measured_kwh: number | null;
  verdicts: VerdictCounts | null;
  note: string;
  status: "simulation" | "payable" | null;
  contract: string | null;
  payment_cny: string | null;
  penalty_cny: string | null;
  operator_part_cny: string | null;
  user_part_cny: string | null;
  statement: string | null;
  entry: number | null;
  frozen: BaselineShape | null;
  /** The latest, whatever it was at the award. */
  eligibility: EligibilityShape | null;
  quarters: QuarterShape[];
  /** Empty where the rules settle the award as a whole, or before it was settled. */
  intervals: IntervalMoney[];
  /** SHA-256 of the register readings that its energy was computed from. */
  readings: string | null;
  findings: FindingTold[];
  known_later: LaterShape[];
}

/** One resource of an event by minute. */
export interface EventResourceLive {
  event: string;
  resource: string;
  as_of_ms: number;
  from_ms: number;
  to_ms: number;
  kw: number;
  at_ms: number[];
  /** Mean power by which it went in the direction asked for, kW; null: not known. */
  measured: (number | null)[];
}

/** One resource of an event, with the line of its money; null before it was settled. */
export interface EventResourceRow {
  resource: string;
  name_zh: string;
  name_en: string;
  park: string;
  kind: "storage" | "v2g" | "charger_pool" | "interruptible" | "shiftable" | "pv_curtailment" | "pedf";
  operator: string;
  award: string;
  kw: number;
  opted_out: boolean;
  baseline: string | null;
  eligible: boolean | null;
  promised_kwh: number;
  measured_kwh: number | null;
  verdicts: VerdictCounts | null;
  /** Its unverified quarter hours, by reason. */
  note: string;
  status: "simulation" | "payable" | null;
  contract: string | null;
  payment_cny: string | null;
  penalty_cny: string | null;
  operator_part_cny: string | null;
  user_part_cny: string | null;
  statement: string | null;
  /** The number of its statement in the ledger. */
  entry: number | null;
}

/** The resources of an event in the order of their identifiers. */
export interface EventResources {
  event: string;
  total: number;
  resources: EventResourceRow[];
}

/** How soon the resources of an event answered, in the order of their identifiers. */
export interface EventResponses {
  event: string;
  state: "published" | "awarded" | "disputed" | "notified" | "acknowledged" | "ramping" | "active" | "ending" | "ended" | "baseline_computed" | "evaluated" | "settled" | "closed" | "cancelled" | "superseded";
  /** The pack's: from this share of the award on a quarter hour is delivered. */
  delivered_pct: string;
  total: number;
  resources: ResponseShape[];
}

/** An event as a list shows it; verdicts and energy are those of its awards, money that of its statements. */
export interface EventShort {
  event: string;
  name_zh: string;
  name_en: string;
  direction: "shave" | "fill";
  type: "invitation" | "direct";
  notice_class: "day_ahead" | "hour" | "fast" | "minute" | "second";
  setup: "pilot" | "upstream";
  state: "published" | "awarded" | "disputed" | "notified" | "acknowledged" | "ramping" | "active" | "ending" | "ended" | "baseline_computed" | "evaluated" | "settled" | "closed" | "cancelled" | "superseded";
  from_ms: number;
  to_ms: number;
  target_kw: number;
  /** Without what opted out in time. */
  awarded_kw: number;
  /** What of the target nobody took; null before it was awarded. */
  short_kw: number | null;
  operators: number;
  resources: number;
  /** Of the quarter hours whose energy could be verified; before it was settled, of all. */
  promised_kwh: number;
  /** What was moved in the direction asked for, less what went the other way; null before it was settled. */
  measured_kwh: number | null;
  verdicts: VerdictCounts | null;
  money: MoneyShape[];
  open_disputes: number;
}

/** Everything about one event but its resources. */
export interface EventWhole {
  event: string;
  name_zh: string;
  name_en: string;
  direction: "shave" | "fill";
  type: "invitation" | "direct";
  notice_class: "day_ahead" | "hour" | "fast" | "minute" | "second";
  setup: "pilot" | "upstream";
  state: "published" | "awarded" | "disputed" | "notified" | "acknowledged" | "ramping" | "active" | "ending" | "ended" | "baseline_computed" | "evaluated" | "settled" | "closed" | "cancelled" | "superseded";
  from_ms: number;
  to_ms: number;
  target_kw: number;
  awarded_kw: number;
  short_kw: number | null;
  operators: number;
  resources: number;
  promised_kwh: number;
  measured_kwh: number | null;
  verdicts: VerdictCounts | null;
  money: MoneyShape[];
  open_disputes: number;
  as_of_ms: number;
  head: ChainHead | null;
  bids_until_ms: number;
  opt_out_until_ms: number;
  /** Empty: everywhere. */
  targets: PlaceShape[];
  pack: PackShape;
  /** At which it was cleared. */
  price_cny_per_kwh: string | null;
  course: CourseStep[];
  bids: BidShape[];
  losers: LoserShape[];
  opt_outs: OptOutShape[];
  awards: AwardShape[];
  disputes: DisputeShape[];
  entries_total: number;
  /** Its entries in the ledger, the newest first, at most a page of them. */
  entries: EntryShape[];
}

/** One power of the flow and how far it is the present one. */
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

/** An open finding of a register that made quarter hours unverified. */
export interface FindingTold {
  register: string;
  kind: string;
  from_ms: number;
  to_ms: number;
}

/** Sources feed the bus (grid, pv, storage positive), sinks draw from it (load, ev positive). */
export interface Flow {
  pv: Figure;
  storage: Figure;
  grid: Figure;
  load: Figure;
  ev: Figure;
}

/**
 * How forecasts did against what was metered, over the seven days before the last one was issued.
 *
 * The method is seasonal-naive, the one that every other method has to beat: its own skill against it is 0.
 */
export interface ForecastScore {
  method: string;
  issued_ms: number;
  /** Quarter hours that were compared; 0: nothing is known yet, then the errors are null. */
  quarters: number;
  /** Mean absolute error. */
  mae_kw: number | null;
  /** Mean of forecast less metered: positive where too much was forecast. */
  bias_kw: number | null;
  /** How often nine tenths of the capability that the forecast promised were there. */
  confidence_pct: number | null;
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

/**
 * The stages of the resources of one park, cluster or transformer, or of all.
 *
 * registered: in the pilot and has not left; tested: its joint test is written; available: active, under a contract in
 * force, at a place that is proven; responded: moved energy in an event; settled: did so in an event that is settled.
 */
export interface FunnelShape {
  kind: "all" | "park" | "cluster" | "transformer";
  id: string;
  name_zh: string;
  name_en: string;
  stages: StageShape[];
}

/** Sequence numbers that never came. */
export interface Gap {
  park: string;
  gateway: string;
  epoch: number;
  first_seq: number;
  last_seq: number;
  noted_ms: number;
  /** Who lost them: the gateway's outbox gave them up, or the database was restored from an older backup. */
  cause: "gateway" | "restore";
}

/** Gaps in the sequences, newest first. */
export interface Gaps {
  entries: Gap[];
}

/** A gateway, whether it is there, and what it last said about itself. */
export interface GatewayState {
  park: string;
  gateway: string;
  online: boolean | null;
  epoch: number | null;
  agent_version: string | null;
  simulated: boolean;
  /** Whether it stands for files or a foreign store: then it is neither online nor offline. */
  imported: boolean;
  birth_ms: number | null;
  /** When ingest heard it last, by the server's clock; what the broker kept of it is no sign of life. */
  last_seen_ms: number | null;
  /** What its last status says, by the gateway's own clock; of a last will, when the gateway connected. */
  status_ms: number | null;
  last_seen_age_s: number | null;
  /** When readings of it were refused last for their stamps, if that was within the last seconds. */
  clock_refused_ms: number | null;
  health_at_ms: number | null;
  /** How often it tells of itself. */
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
  /** If the pilot's ledger takes entries: not while it lacks what was issued, nor before a restore was compared. */
  ledger: "open" | "lacking" | "restored" | "unknown";
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

/** One interval of the settlement rules, exact. */
export interface IntervalMoney {
  at_ms: number;
  award_kwh: string;
  response_kwh: string;
  counted_kwh: string;
  payment_cny: string;
  penalty_cny: string;
  /** Quarter hours of it that could be verified. */
  quarters: number;
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

/** An event as one operator sees it. */
export interface Invitation {
  event: string;
  name_zh: string;
  name_en: string;
  direction: "shave" | "fill";
  state: "published" | "awarded" | "disputed" | "notified" | "acknowledged" | "ramping" | "active" | "ending" | "ended" | "baseline_computed" | "evaluated" | "settled" | "closed" | "cancelled" | "superseded";
  from_ms: number;
  to_ms: number;
  bids_until_ms: number;
  opt_out_until_ms: number;
  /** Whether a bid may be given now. */
  takes_bids: boolean;
  target_kw: number;
  bid: string | null;
  bid_kw: number | null;
  /** Of its bid. */
  price_cny_per_kwh: string | null;
  award: string | null;
  awarded_kw: number | null;
}

/** A day of a baseline whose energy is another now; it moves nothing and may be disputed. */
export interface LaterShape {
  day: string;
  was_kwh: number | null;
  is_kwh: number | null;
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

/** A bid, or one resource of it, that was not taken. */
export interface LoserShape {
  bid: string;
  operator: string;
  resource: string | null;
  reason: string;
}

/**
 * How much of something that a line rests on is an estimate, in its unit, and how many quarter hours are missing.
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

/** What statements come to; what a pack that is not verified gives is a simulation, and is never added to others. */
export interface MoneyShape {
  status: "simulation" | "payable";
  statements: number;
  payment_cny: string;
  penalty_cny: string;
  net_cny: string;
}

/** A device by its identifier and by what it is called. */
export interface NamedDevice {
  device: string;
  name: string;
}

/** Something that a reader of the bill must know; with `blocks` the month must not be closed like this. */
export interface NoteShape {
  code: string;
  zh: string;
  en: string;
  blocks: boolean;
}

/** What stays with an operator and goes to its users in a year, apart for simulations. */
export interface OperatorEarnings {
  status: "simulation" | "payable";
  operator_part_cny: string;
  user_part_cny: string;
}

/** Operators in the order of their identifiers. */
export interface OperatorList {
  head: ChainHead | null;
  year: number;
  total: number;
  operators: OperatorShort[];
}

/** An operator: what it may offer today, and what its resources earned this year. */
export interface OperatorShort {
  operator: string;
  name_zh: string;
  name_en: string;
  resources: number;
  up_kw: number;
  down_kw: number;
  /** In which it was awarded this year. */
  events: number;
  money: MoneyShape[];
}

/** An operator's own side: invitations, awards, earnings; the newest first. */
export interface OperatorSide {
  operator: string;
  name_zh: string;
  name_en: string;
  resources: number;
  up_kw: number;
  down_kw: number;
  events: number;
  money: MoneyShape[];
  year: number;
  head: ChainHead | null;
  invitations_total: number;
  invitations: Invitation[];
  earnings_total: number;
  earnings: Earning[];
  /** Of this year's events. */
  earned: OperatorEarnings[];
}

/** A resource that would not take part; late, it changes nothing. */
export interface OptOutShape {
  operator: string;
  resource: string;
  at_ms: number;
  in_time: boolean;
  reason: string;
}

/** What every event of the live stream carries. */
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

/** The settlement rules of an event. */
export interface PackShape {
  pack: string;
  digest: string;
  name_zh: string;
  name_en: string;
  status: "verified" | "unverified" | "draft";
  source: string;
  interval_min: number;
  questions: QuestionShape[];
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

/** Whose the energy of a park is; `unattributed_kwh` is nobody's, below 0 where shares and sub-meters overlap. */
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

/** The forecasts of a park's resources; its errors are means of their quarter hours. */
export interface ParkForecast {
  method: string;
  issued_ms: number;
  quarters: number;
  mae_kw: number | null;
  bias_kw: number | null;
  confidence_pct: number | null;
  park: string;
  name_zh: string;
  name_en: string;
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

/** The highest demand and what it costs; whether its interval is an estimate, and the highest of the good ones. */
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

/** A step of a resource on its way into the pilot. */
export interface PhaseStep {
  phase: "registered" | "documents" | "joint_test" | "announced" | "active" | "suspended" | "left";
  on: string;
  note: string;
}

/** The pilot at this moment and in this calendar year of Shenzhen. */
export interface PilotSummary {
  as_of_ms: number;
  /** Null: nothing was ever written. */
  head: ChainHead | null;
  year: number;
  /** All that were ever published. */
  events: number;
  under_way: EventShort[];
  /** Published, awarded or notified. */
  coming: EventShort[];
  /** Events of this year with a statement. */
  settled: number;
  /** Verified energy moved in peak-shaving events of this year. */
  shaved_kwh: number;
  filled_kwh: number;
  /** Of this year's events; empty: no statement. */
  money: MoneyShape[];
  /** Quarter hours of the awards of this year's events. */
  verdicts: VerdictCounts;
  open_disputes: number;
  funnel: FunnelShape[];
}

/** A place in the grid. */
export interface PlaceShape {
  location: string;
  name: string;
  level: "station" | "line" | "transformer" | "account";
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

/** One quarter hour; energy in kWh, `verdict` null before it was settled. */
export interface QuarterShape {
  at_ms: number;
  award_kwh: number;
  baseline_kwh: number | null;
  metered_kwh: number | null;
  /** What the meter would have shown if exactly the award had been delivered; null without a baseline. */
  target_kwh: number | null;
  /** Energy by which it went in the direction asked for; negative: the other way. */
  moved_kwh: number | null;
  verdict: "delivered" | "partial" | "not_delivered" | "unverified" | null;
  /** Why it could not be verified. */
  unsure: string;
}

/** What only the market's operator can answer. */
export interface QuestionShape {
  zh: string;
  en: string;
}

/** Something that a register cannot have counted. */
export interface RegisterFinding {
  gateway: string;
  device: string;
  signal: string;
  kind: "jumped" | "reset" | "left_out" | "too_much";
  /** The first believed reading after it; of readings left out the first of them; of too much its interval. */
  at_ms: number;
  /** The believed reading before it. */
  from_ms: number;
  from_register_kwh: number | null;
  register_kwh: number | null;
  /** What would have been booked; of a reset, what was. */
  energy_kwh: number;
  /** Readings that are not believed. */
  readings: number;
}

/** What registers cannot have counted in a period. */
export interface RegisterFindings {
  park: string;
  period: string;
  findings: RegisterFinding[];
}

/** How one resource answered over its settled events, and how good its forecast is. */
export interface ResourceAccuracy {
  resource: string;
  name_zh: string;
  name_en: string;
  park: string;
  kind: "storage" | "v2g" | "charger_pool" | "interruptible" | "shiftable" | "pv_curtailment" | "pedf";
  /** Settled events in which it was awarded, by the statements that stand. */
  events: number;
  /** Of quarter hours that could be verified. */
  promised_kwh: number;
  /** What it moved in the direction asked for in those, less what went the other way. */
  delivered_kwh: number;
  /** Delivered of promised; null: nothing could be verified. */
  accuracy_pct: number | null;
  /** Quarter hours that could not be verified, and count on neither side. */
  unverified: number;
  /** Null: it has none; a storage rests on its state of charge. */
  forecast: ForecastScore | null;
}

/** By which contract an operator may offer a resource. */
export interface ResourceContract {
  contract: string;
  operator: string;
  type: "day_ahead" | "hour" | "direct";
  valid_from: string;
  /** The first day after validity. */
  valid_to: string | null;
  in_force: boolean;
  operator_pct: string;
  user_pct: string;
}

/** Resources in the order of their identifiers. */
export interface ResourceList {
  head: ChainHead | null;
  total: number;
  resources: ResourceShape[];
}

/** One resource. */
export interface ResourceLive {
  promised_kw: number;
  measured_kw: number | null;
  shortfall_kw: number | null;
  resource: string;
  name_zh: string;
  name_en: string;
  park: string;
  kind: "storage" | "v2g" | "charger_pool" | "interruptible" | "shiftable" | "pv_curtailment" | "pedf";
  operator: string;
  award: string;
  kw: number;
  /** The minute of its newest power. */
  at_ms: number | null;
}

/** Something that can be adjusted. */
export interface ResourceShape {
  resource: string;
  name_zh: string;
  name_en: string;
  park: string;
  account: string;
  transformer: string | null;
  kind: "storage" | "v2g" | "charger_pool" | "interruptible" | "shiftable" | "pv_curtailment" | "pedf";
  up_kw: number;
  down_kw: number;
  ramp_kw_per_min: number;
  notice_min: number;
  sustain_min: number;
  recovery_min: number;
  baseline: string;
  phase: "registered" | "documents" | "joint_test" | "announced" | "active" | "suspended" | "left" | null;
  phases: PhaseStep[];
  /** The least proven of its place and all places above. */
  provenance: "declared" | "verified" | "unverified";
  /** Places that keep it from being awarded. */
  unproven: string[];
  contracts: ResourceContract[];
  eligibility: EligibilityShape | null;
}

/** How one resource of an event answered. */
export interface ResponseShape {
  resource: string;
  name_zh: string;
  name_en: string;
  kind: "storage" | "v2g" | "charger_pool" | "interruptible" | "shiftable" | "pv_curtailment" | "pedf";
  operator: string;
  award: string;
  /** Whether its power ever reached the promise, that is `delivered_pct` of its award. */
  state: "reached" | "not_reached" | "unknown";
  /** Why that cannot be known. */
  why: "" | "opted_out" | "not_begun" | "no_baseline" | "no_reading" | "own_time";
  /** Seconds from the start at which it had not reached it yet. */
  after_s: number | null;
  /** Seconds from the start at which it had: the response time lies between the two. */
  by_s: number | null;
  /** Minutes of the event that are over. */
  minutes: number;
  /** Those in which its power is known. */
  measured: number;
  delay: DelayShape;
}

/** A gateway had been told that more is stored than the database holds: it was restored from a backup. */
export interface Restore {
  park: string;
  gateway: string;
  acked_epoch: number;
  /** The batch up to which the gateway had been told that everything is stored. */
  acked_through: number;
  held_epoch: number | null;
  /** What the restored database held of it; null: nothing. */
  held_through: number | null;
  /** When the last batch that it held had arrived. */
  held_ms: number | null;
  noted_ms: number;
}

/** Restores of the database as its gateways showed them, newest first. */
export interface Restores {
  entries: Restore[];
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

/** How many resources have come so far, and what they can do together. */
export interface StageShape {
  stage: "registered" | "tested" | "available" | "responded" | "settled";
  resources: number;
  /** The largest reduction of what they draw. */
  up_kw: number;
  /** The largest increase. */
  down_kw: number;
}

/** How far a figure can be taken as the present one, best first. */
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

/** What an award came to, and where it stands in the ledger. */
export interface StatementShape {
  statement: string;
  revision: number;
  cause: string;
  status: "simulation" | "payable";
  price_cny_per_kwh: string;
  payment_cny: string;
  penalty_cny: string;
  net_cny: string;
  entry: number;
  at_ms: number;
  by: string;
  digest: string;
}

/** The supply agreements of a park that hold today. */
export interface Supply {
  park: string;
  agreements: SupplyAgreement[];
}

/** What was agreed with the supplier for an account (户); the demand that it may reach, where one was agreed. */
export interface SupplyAgreement {
  account: string;
  plan_id: string;
  demand_basis: "none" | "capacity" | "contracted_demand" | "measured_demand";
  contracted_kw: number | null;
  capacity_kva: number | null;
  valid_from: string;
  valid_to: string | null;
}

/** What the supply agreement of an account says. */
export interface TermsShape {
  account: string;
  park: string;
  demand_basis: "none" | "capacity" | "contracted_demand" | "measured_demand";
  capacity_kva: string | null;
  contracted_kw: string | null;
  power_factor_standard: string | null;
  voltage_class: string;
}

/** Where a figure came from, and what comes out when it is computed again from there. */
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
  /** The same from the readings; null for what is taken as stored. */
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

/** Something out of order on the way of a park's readings; what follows from a cause is not listed beside it. */
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
  /** Of `gateway_late`: seconds from a reading's stamp to its arrival. */
  delay_s: number | null;
}

/** Quarter hours by what they came to. */
export interface VerdictCounts {
  delivered: number;
  partial: number;
  not_delivered: number;
  unverified: number;
}
