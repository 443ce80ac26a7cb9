// Any signal from ten years to seconds: one range for all charts, the roll-up chosen by the width, everything in the
// address. Dragging zooms; arrows move, + and - zoom.

import { useMemo, useRef, useState } from "preact/hooks";
import { Answered, usePolled, useQuery, type Query } from "../use_query";
import { catalogue, deviceName, needCatalogue, signalName, signalOf } from "../catalogue";
import type { Sheet } from "../export";
import { moment, scaledTo } from "../format";
import { askHistory } from "../history";
import { Chart, type Line } from "../parts/chart";
import { FIRST_SIGNAL } from "../parts/first_signal";
import { ExportButtons } from "../parts/export_buttons";
import { plotText, type Plot } from "../parts/plot";
import { SignalChoice } from "../parts/signal_choice";
import { useWidth } from "../parts/width";
import { go, param } from "../router";
import { highest, inks, shifted, together, trackOf, type Track } from "../series";
import { chosen, overview, park } from "../state";
import type { Device, Devices, History } from "../types";
import { nameOf, say, type Key } from "../i18n";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
export const RANGES: Record<string, number> = { "5m": 300_000, "1h": HOUR, "6h": 6 * HOUR, "24h": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "1y": 366 * DAY, "10y": 3_653 * DAY };
const SHIFTS: Record<string, number> = { day: DAY, week: 7 * DAY, year: 364 * DAY };
const MOST_PLOTS = 6;

interface Span {
  from_ms: number;
  to_ms: number;
  /** Ends at the newest value and moves on with it. */
  live: boolean;
}

interface Loaded {
  plot: Plot;
  track: Track;
  resolution: string;
  /** What it is compared with: empty for the line itself. */
  against: string;
}

export function TimeView() {
  needCatalogue();
  const devices = useQuery<Devices>(`/parks/${chosen.value}/devices`, 60_000);
  return (
    <Answered of={devices} height={480} empty={({ devices: listed }) => (listed.length ? null : say("devices.empty"))}>
      {({ devices: listed }) => <Explorer devices={listed} />}
    </Answered>
  );
}

function plotsOf(text: string | null, devices: Device[]): Plot[] {
  const wanted = text ?? first(devices);
  return wanted
    .split(",")
    .slice(0, MOST_PLOTS)
    .flatMap((one) => {
      const [gateway, name, signal] = one.split("/");
      const device = devices.find((known) => known.gateway === gateway && known.device === name);
      return device && signal ? [{ device, signal }] : [];
    });
}

/** The connection point first: it is what people ask about. */
function first(devices: Device[]): string {
  const order = ["grid_meter", "pv_inverter", "storage", "meter", "charger"];
  const best = [...devices].sort((a, b) => rank(order, a) - rank(order, b))[0];
  const signal = FIRST_SIGNAL.find((name) => best?.signals.includes(name)) ?? best?.signals[0];
  return best && signal ? `${best.gateway}/${best.device}/${signal}` : "";
}

function rank(order: string[], device: Device): number {
  const at = order.indexOf(device.device_class);
  return at < 0 ? order.length : at;
}

function instant(text: string | null): number | null {
  if (text === null) return null;
  const ms = /^\d{10,15}$/.test(text) ? Number(text) : Date.parse(text);
  return Number.isFinite(ms) ? ms : null;
}

function spanOf(newestMs: number): Span {
  const [from, to] = [instant(param("from")), instant(param("to"))];
  if (from !== null && to !== null && to > from) return { from_ms: from, to_ms: to, live: false };
  const length = RANGES[param("range") ?? ""] ?? DAY;
  // Whole steps, so that a question that moves on is the same question for a moment.
  const step = Math.max(1_000, length / 2_000);
  const end = Math.ceil(newestMs / step) * step;
  return { from_ms: end - length, to_ms: end, live: true };
}

function Explorer({ devices }: { devices: Device[] }) {
  const plots = plotsOf(param("plot"), devices);
  const [box, width] = useWidth<HTMLDivElement>();
  const compare = param("compare") ?? "";
  const [span, loaded] = useHistories(width > 0 ? plots : [], compare, devices, Math.max(300, Math.min(4_000, Math.round(width * 1.5))));
  const length = span.to_ms - span.from_ms;
  const zone = park.value?.time_zone ?? "Asia/Shanghai";
  const zoom = (from: number, to: number): void => {
    // Seconds are the finest that devices report.
    const half = Math.max(5_000, (to - from) / 2);
    const middle = (from + to) / 2;
    go({ from: new Date(middle - half).toISOString(), to: new Date(middle + half).toISOString(), range: null });
  };
  const keys = (event: KeyboardEvent): void => {
    const target = event.target as HTMLElement;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName)) return;
    const by = { ArrowLeft: -0.25, ArrowRight: 0.25 }[event.key];
    if (by !== undefined) zoom(span.from_ms + by * length, span.to_ms + by * length);
    else if (event.key === "+" || event.key === "=") zoom(span.from_ms + length / 4, span.to_ms - length / 4);
    else if (event.key === "-") zoom(span.from_ms - length / 2, span.to_ms + length / 2);
    else return;
    event.preventDefault();
  };
  return (
    <div onKeyDown={keys}>
      <p class="answer">{sentence(loaded.data, plots, zone)}</p>
      <section class="card full" aria-label={say("view.time")}>
        <div class="toolbar">
          <RangeChoice span={span} zone={zone} />
          <span class="buttons" role="group" aria-label={say("time.move")}>
            <button type="button" aria-label={say("time.earlier")} onClick={() => zoom(span.from_ms - length / 2, span.to_ms - length / 2)}>
              ←
            </button>
            <button type="button" aria-label={say("time.out")} onClick={() => zoom(span.from_ms - length / 2, span.to_ms + length / 2)}>
              −
            </button>
            <button type="button" aria-label={say("time.in")} onClick={() => zoom(span.from_ms + length / 4, span.to_ms - length / 4)}>
              +
            </button>
            <button type="button" aria-label={say("time.later")} onClick={() => zoom(span.from_ms + length / 2, span.to_ms + length / 2)}>
              →
            </button>
          </span>
          <CompareChoice compare={compare} plots={plots} devices={devices} />
          <ExportButtons sheet={() => sheetOf(loaded.data ?? [], span, zone)} title={nameOf(park.value, park.value?.park ?? "")} />
        </div>
        <SignalChoice devices={devices} plots={plots} most={MOST_PLOTS} />
        <div ref={box}>
          <Answered of={loaded} height={tallest() + 32} empty={(found) => (plots.length === 0 ? say("time.choose") : found.every((one) => one.track.values.every((value) => value == null)) ? say("time.empty") : null)}>
            {(found) => <Charts found={found} span={span} zone={zone} onZoom={zoom} />}
          </Answered>
        </div>
        <p class="small faint">
          {say("time.hint")} {loaded.data?.[0] ? say("time.resolution", { resolution: say(`resolution.${loaded.data[0].resolution}` as Key) }) : ""}
        </p>
      </section>
    </div>
  );
}

function sentence(found: Loaded[] | null, plots: Plot[], zone: string): string {
  const one = found?.[0];
  const plot = plots[0];
  if (!one || !plot) return say("time.choose");
  const most = highest(one.track);
  const of = { device: deviceName(plot.device), signal: signalName(plot.signal) };
  if (most === null) return say("time.answer.none", of);
  const unit = signalOf(plot.device.device_class, plot.signal)?.unit ?? "";
  const told = { ...of, most: scaledTo(most.value, unit).join("\u202f").trim(), at: moment(most.at_ms, zone) };
  return one.resolution === "raw" ? say("time.answer", told) : say("time.answer.within", { ...told, bucket: say(`within.${one.resolution}` as Key) });
}

function RangeChoice({ span, zone }: { span: Span; zone: string }) {
  const range = param("range") ?? "24h";
  return (
    <>
      <span class="buttons" role="group" aria-label={say("time.range")}>
        {Object.keys(RANGES).map((name) => (
          <button key={name} type="button" aria-pressed={span.live && range === name} onClick={() => go({ range: name, from: null, to: null })}>
            {say(`range.${name}` as Key)}
          </button>
        ))}
      </span>
      <span class="small faint span-text">
        {moment(span.from_ms, zone)} – {moment(span.to_ms, zone)}
      </span>
    </>
  );
}

function CompareChoice({ compare, plots, devices }: { compare: string; plots: Plot[]; devices: Device[] }) {
  const kinds = new Set(plots.map((plot) => plot.device.device_class));
  const others = devices.filter((device) => kinds.has(device.device_class) && !plots.some((plot) => plot.device === device));
  return (
    <label class="field">
      {say("time.compare")}{" "}
      <select value={compare} onChange={(event) => go({ compare: event.currentTarget.value || null })}>
        <option value="">{say("time.compare.none")}</option>
        <option value="day">{say("time.compare.day")}</option>
        <option value="week">{say("time.compare.week")}</option>
        <option value="year">{say("time.compare.year")}</option>
        {others.map((device) => (
          <option key={`${device.gateway}/${device.device}`} value={`${device.gateway}/${device.device}`}>
            {deviceName(device)}
          </option>
        ))}
      </select>
    </label>
  );
}

interface Wanted {
  plot: Plot;
  shift: number;
  against: string;
}

function wantedOf(plots: Plot[], compare: string, devices: Device[]): Wanted[] {
  const wanted = plots.map((plot) => ({ plot, shift: 0, against: "" }));
  const shift = SHIFTS[compare];
  if (shift) return [...wanted, ...plots.map((plot) => ({ plot, shift, against: say(`time.compare.${compare}` as Key) }))];
  const other = devices.find((device) => `${device.gateway}/${device.device}` === compare);
  const same = plots.find((plot) => plot.device.device_class === other?.device_class);
  return other && same ? [...wanted, { plot: { device: other, signal: same.signal }, shift: 0, against: deviceName(other) }] : wanted;
}

/** How often a span that ends at the newest value moves on. */
const pauseOf = (length: number): number => (length <= HOUR ? 2_000 : length <= DAY ? 5_000 : 60_000);

/** The span of the address, and all histories in it; the last answer stays while the next is under way. */
function useHistories(plots: Plot[], compare: string, devices: Device[], points: number): [Span, Query<Loaded[]>] {
  const newest = (): number => overview.peek()?.newest_ms ?? Date.now();
  const [now, setNow] = useState(newest);
  const span = spanOf(now);
  const length = span.to_ms - span.from_ms;
  // Of a live span only the length: it moves on by itself, and is no other question then.
  const key = [plotText(plots), span.live ? length : `${span.from_ms}-${span.to_ms}`, compare, points].join("|");
  const last = useRef<{ of: string; loaded: Loaded[] } | null>(null);
  const question = async (): Promise<Loaded[]> => {
    const at = newest();
    setNow(at);
    const next = spanOf(at);
    const of = `${key}|${next.from_ms}|${next.to_ms}`;
    // Nothing newer came, or less than a step of it: it is the same question, and answered.
    if (last.current?.of === of) return last.current.loaded;
    const loaded = await Promise.all(wantedOf(plots, compare, devices).map((one) => load(one, next, points)));
    last.current = { of, loaded };
    return loaded;
  };
  return [span, usePolled(key, question, span.live ? pauseOf(length) : 0)];
}

const under = new Map<string, Promise<History>>();

async function load({ plot, shift, against }: Wanted, span: Span, points: number): Promise<Loaded> {
  const { device, signal } = plot;
  const [from, to] = [Math.round(span.from_ms - shift), Math.round(span.to_ms - shift)];
  const key = [chosen.peek(), plotText([plot]), from, to, points].join("|");
  const question = under.get(key) ?? askHistory(chosen.peek() ?? "", device, signal, from, to, points).finally(() => under.delete(key));
  under.set(key, question);
  const history = await question;
  return { plot, track: shifted(trackOf(history, signal, device.period_s), shift), resolution: history.resolution, against };
}

function Charts({ found, span, zone, onZoom }: { found: Loaded[]; span: Span; zone: string; onZoom: (from: number, to: number) => void }) {
  const groups = useMemo(() => grouped(found), [found, catalogue.value]);
  return (
    <>
      {groups.map((group) => (
        <Chart
          key={group.unit + group.lines.map((line) => line.key).join()}
          at_ms={group.at_ms}
          lines={group.lines}
          unit={group.unit}
          states={group.states}
          zone={zone}
          from_ms={span.from_ms}
          to_ms={span.to_ms}
          height={groups.length > 2 ? 220 : groups.length === 2 ? 320 : tallest()}
          label={group.lines.map((line) => line.name).join(", ")}
          sync="time"
          onZoom={onZoom}
        />
      ))}
    </>
  );
}

interface Group {
  unit: string;
  states?: string[] | undefined;
  at_ms: number[];
  lines: Line[];
}

/** One chart alone takes what a large screen has below the controls. */
function tallest(): number {
  return innerWidth < 640 ? 320 : Math.max(320, Math.min(640, innerHeight - 480));
}

/** One chart a unit: what has the same unit can be compared by height. */
function grouped(found: Loaded[]): Group[] {
  const byUnit = new Map<string, Loaded[]>();
  for (const one of found) {
    const known = signalOf(one.plot.device.device_class, one.plot.signal);
    const key = known?.kind === "state" ? `state ${one.plot.signal}` : (known?.unit ?? "");
    byUnit.set(key, [...(byUnit.get(key) ?? []), one]);
  }
  return [...byUnit.values()].map((members) => {
    const known = signalOf(members[0]?.plot.device.device_class ?? "", members[0]?.plot.signal ?? "");
    const joined = together(members.map((one) => one.track));
    const own = members.filter((one) => !one.against);
    const shades = inks(own.map((one) => one.plot.device.device_class));
    const single = members.length === 1;
    const lines = members.map((one, index): Line => {
      const track = joined.tracks[index];
      const mate = own.findIndex((other) => other.plot.signal === one.plot.signal && other.plot.device === one.plot.device);
      return {
        key: `${one.plot.device.device}/${one.plot.signal}/${one.against}`,
        name: [deviceName(one.plot.device), signalName(one.plot.signal), one.against && one.against !== deviceName(one.plot.device) ? `(${one.against})` : "", one.track.estimated ? `· ${say("flag.estimated_some")}` : ""].filter(Boolean).join(" "),
        ink: one.against && mate < 0 ? "ink" : (shades[Math.max(0, mate)] ?? "load"),
        values: track?.values ?? [],
        ...(single && track?.low && track.high ? { low: track.low, high: track.high } : {}),
        dashed: one.against !== "",
        stepped: known?.kind === "state",
      };
    });
    return { unit: known?.unit ?? "", states: known?.states.length ? known.states : undefined, at_ms: joined.at_ms, lines };
  });
}

function sheetOf(found: Loaded[], span: Span, zone: string): Sheet {
  const joined = together(found.map((one) => one.track));
  const headings = found.map(headingOf);
  // Two devices of one name are told apart by their identifiers.
  const named = headings.map((name, index) => (headings.filter((other) => other === name).length > 1 ? `${name} (${found[index]?.plot.device.gateway}/${found[index]?.plot.device.device})` : name));
  const stamp = (ms: number): string => moment(ms, zone).replace(" ", "T").replace(":", "");
  return {
    name: park.peek()?.park ?? "parkgrid",
    span: `${stamp(span.from_ms)}_${stamp(span.to_ms)}`,
    head: [
      [say("park"), nameOf(park.peek(), "")],
      [say("time.range"), `${moment(span.from_ms, zone, true)} – ${moment(span.to_ms, zone, true)} (${zone})`],
      [say("time.resolution.word"), found.map((one) => say(`resolution.${one.resolution}` as Key)).join(", ")],
    ],
    columns: [say("export.time", { zone }), ...named],
    rows: joined.at_ms.flatMap((ms, index) => {
      const values = joined.tracks.map((track) => track.values[index] ?? null);
      // The marks of gaps are ours, not readings.
      return values.every((value) => value === null) ? [] : [[instantOf(ms, zone), ...values]];
    }),
  };
}

/** What stands beside the line in its legend, with the unit. */
function headingOf({ plot: { device, signal }, against }: Loaded): string {
  const unit = signalOf(device.device_class, signal)?.unit;
  return [deviceName(device), signalName(signal), against && against !== deviceName(device) ? `(${against})` : "", unit ? `[${unit}]` : ""].filter(Boolean).join(" ");
}

/** The local instant, with thousandths only where it has some. */
function instantOf(ms: number, zone: string): string {
  const rest = ms % 1_000;
  return moment(ms, zone, true) + (rest ? `.${String(rest).padStart(3, "0")}` : "");
}
