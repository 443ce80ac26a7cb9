// From the answers of the history to lines: which curve is the value, where gaps are, and how lines of different
// devices share one axis.

import { gapsBefore, SPACINGS } from "./gaps";
import type { Column } from "./gaps";
import type { CatalogueSignal, History } from "./types";

export interface Track {
  at_ms: number[];
  values: Column;
  low?: Column;
  high?: Column;
  /** Whether some of the values are estimates. */
  estimated?: boolean;
}

/** One signal of an answer. A roll-up's gauge has a mean with its extremes; a register and a state their last value. */
export function trackOf(history: History, signal: string, periodS: number): Track {
  const { curves, at_ms, samples } = history.history;
  const curve = curves[signal] ?? {};
  const values = curve.value ?? curve.mean ?? curve.last ?? [];
  // Other signals of the device may have been read at instants at which this one was not.
  const known = (at_ms ?? []).map((_, index) => index).filter((index) => values[index] != null);
  const of = (column: Column): Column => known.map((index) => column[index] ?? null);
  const track: Track = { at_ms: known.map((index) => at_ms?.[index] ?? 0), values: of(values), ...(curve.min && curve.max ? { low: of(curve.min), high: of(curve.max) } : {}) };
  if (history.estimated[signal]?.length || history.history.flags?.some(([, flags]) => flags[signal] === "estimated")) track.estimated = true;
  const usual = SPACINGS * Math.max(history.bucket_ms, periodS * 1000);
  return opened(track, gapsBefore(track.at_ms, samples && known.map((index) => samples[index] ?? 1), usual));
}

/** The highest value of a line and when: the maximum of a bucket, where it has one, never its highest mean. */
export function highest(track: Track): { value: number; at_ms: number } | null {
  const tops = track.high ?? track.values;
  let best = -1;
  tops.forEach((value, index) => {
    if (value != null && value > (tops[best] ?? -Infinity)) best = index;
  });
  const value = tops[best];
  return value == null ? null : { value, at_ms: track.at_ms[best] ?? 0 };
}

/** A null where a gap is: the line ends there instead of bridging it. */
function opened(track: Track, gaps: boolean[]): Track {
  const at: number[] = [];
  const open: Track = { at_ms: at, values: [], ...(track.low ? { low: [], high: [] } : {}), ...(track.estimated ? { estimated: true } : {}) };
  track.at_ms.forEach((ms, index) => {
    if (gaps[index]) {
      at.push((track.at_ms[index - 1] ?? 0) + 1);
      open.values.push(null);
      open.low?.push(null);
      open.high?.push(null);
    }
    at.push(ms);
    open.values.push(track.values[index] ?? null);
    open.low?.push(track.low?.[index] ?? null);
    open.high?.push(track.high?.[index] ?? null);
  });
  return open;
}

/** All tracks on the union of their instants. Where a track has no instant it has no entry, which is not a gap. */
export function together(tracks: Track[]): { at_ms: number[]; tracks: Track[] } {
  if (tracks.length === 1 && tracks[0]) return { at_ms: tracks[0].at_ms, tracks };
  const at_ms = [...new Set(tracks.flatMap((track) => track.at_ms))].sort((a, b) => a - b);
  const place = new Map(at_ms.map((ms, index) => [ms, index]));
  const spread = (track: Track, column: Column | undefined): Column | undefined => {
    if (!column) return undefined;
    const wide = new Array<number | null | undefined>(at_ms.length).fill(undefined);
    track.at_ms.forEach((ms, index) => {
      wide[place.get(ms) ?? 0] = column[index];
    });
    return wide as Column;
  };
  return {
    at_ms,
    tracks: tracks.map((track) => {
      const [low, high] = [spread(track, track.low), spread(track, track.high)];
      return { at_ms, values: spread(track, track.values) ?? [], ...(low && high ? { low, high } : {}) };
    }),
  };
}

export function shifted(track: Track, ms: number): Track {
  return { ...track, at_ms: track.at_ms.map((at) => at + ms) };
}

const INK_OF_CLASS: Record<string, string> = { pv_inverter: "pv", storage: "storage", grid_meter: "grid", meter: "load", charger: "ev", dc_bus: "dc", weather: "pv", gateway: "grid" };
const INKS = ["load", "pv", "storage", "ev", "dc", "alarm", "grid"];

/** A class keeps its colour; a second line of the same chart takes the next that is free. */
export function inks(classes: string[]): string[] {
  const taken: string[] = [];
  for (const kind of classes) {
    const own = INK_OF_CLASS[kind] ?? "load";
    taken.push(taken.includes(own) ? (INKS.find((ink) => !taken.includes(ink)) ?? own) : own);
  }
  return taken;
}

export function unitOf(signal: CatalogueSignal | undefined): string {
  return signal?.unit ?? "";
}
