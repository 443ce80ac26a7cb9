// Where the energy of a day came from and where it went. Through one bus, so that nothing is claimed about which
// source fed which use; what the registers do not explain is a band of its own, hatched.

import { Answered, type Query } from "../use_query";
import { energy, percent, together } from "../format";
import { noSum } from "../today";
import type { Part } from "../part";
import type { Day, FigureShape } from "../types";
import { language, say, type Key } from "../i18n";
import { chosenDay } from "./day_choice";
import { DayRefused } from "./day_refused";
import { useIndicators } from "./indicators";
import { useWidth } from "./width";

interface Node {
  key: Key;
  part: Part | "rest";
  kwh: number;
}

const HEIGHT = 300;
const SOURCES: [string, Key, Part][] = [
  ["pv_inverter.energy_generated_kwh", "energy.pv", "pv"],
  ["grid_meter.energy_import_kwh", "energy.import", "grid"],
  ["storage.energy_discharged_kwh", "energy.discharged", "storage"],
  ["charger.energy_returned_kwh", "energy.v2g", "ev"],
];
const USES: [string, Key, Part][] = [
  ["meter.energy_import_kwh", "energy.load", "load"],
  ["charger.energy_delivered_kwh", "energy.ev", "ev"],
  ["storage.energy_charged_kwh", "energy.charged", "storage"],
  ["grid_meter.energy_export_kwh", "energy.export", "grid"],
];

export function DaySankey({ of }: { of: Query<Day> }) {
  return (
    <section class="card wide" aria-labelledby="sankey-title">
      <div class="card-head">
        <h2 id="sankey-title">{say("sankey.title")}</h2>
        <span class="faint">{of.data?.date ?? ""}</span>
      </div>
      {of.data === null && of.problem ? <DayRefused problem={of.problem} /> : <Answered of={of} height={HEIGHT} empty={(shown) => (nodes(shown, SOURCES).length ? null : say(chosenDay() ? "day.none" : "sankey.empty", { day: shown.date }))}>
        {(shown) => <Balance shown={shown} />}
      </Answered>}
    </section>
  );
}

function nodes(shown: Day, listed: [string, Key, Part][]): Node[] {
  return listed
    .map(([register, key, part]) => ({ key, part, kwh: shown.energy[register]?.kwh ?? 0 }))
    .filter((node) => node.kwh > 0.0005);
}

/** Registers that exist but give no sum, each with why: the picture is then known to be incomplete. */
function unknown(shown: Day): string[] {
  return [...SOURCES, ...USES].flatMap(([register, key]) => {
    const gained = shown.energy[register];
    return gained && gained.devices > 0 && gained.kwh === null ? [say("sankey.unknown", { name: say(key), why: noSum(gained) })] : [];
  });
}

function Balance({ shown }: { shown: Day }) {
  const sources = nodes(shown, SOURCES);
  const uses = nodes(shown, USES);
  const total = (side: Node[]): number => side.reduce((sum, node) => sum + node.kwh, 0);
  const difference = total(sources) - total(uses);
  const size = Math.max(total(sources), total(uses));
  if (Math.abs(difference) > 0.002 * size) (difference > 0 ? uses : sources).push({ key: "sankey.rest", part: "rest", kwh: Math.abs(difference) });
  return (
    <>
      <Sentence date={shown.date} missing={unknown(shown)} />
      <Picture sources={sources} uses={uses} size={size} />
    </>
  );
}

/** What was consumed, without what went into storage or to the grid: the indicators of the day, as they are elsewhere. */
function Sentence({ date, missing }: { date: string; missing: string[] }) {
  const found = useIndicators(date, ["consumption_kwh", "self_sufficiency_ratio"]).data?.indicators ?? [];
  const of = (name: string): FigureShape | undefined => found.find((one) => one.name === name);
  const [consumption, sufficiency] = [of("consumption_kwh"), of("self_sufficiency_ratio")];
  const parts = [
    consumption?.value == null ? null : say("sankey.answer", { energy: together(energy(consumption.value)) }),
    sufficiency?.value == null ? null : say("sankey.sufficiency", { share: percent(sufficiency.value) }),
  ].filter((part) => part !== null);
  const told = parts.length ? parts.join(say("answer.join")) + say("answer.end") : (unavailable(consumption) ?? "");
  const incomplete = missing.length ? say("sankey.incomplete", { names: missing.join(say("list.join")) }) : "";
  return <p class="small faint">{[told, incomplete].filter(Boolean).join(" ")}</p>;
}

function unavailable(one: FigureShape | undefined): string | null {
  const why = language.value === "zh" ? (one?.unavailable_zh ?? one?.unavailable) : one?.unavailable;
  return why ? say("sankey.unavailable", { why }) : null;
}

function Picture({ sources, uses, size }: { sources: Node[]; uses: Node[]; size: number }) {
  const [box, width] = useWidth<HTMLDivElement>();
  const label = Math.min(190, Math.max(116, width * 0.26));
  const gap = 10;
  const rows = Math.max(sources.length, uses.length);
  const scale = (HEIGHT - gap * (rows + 1) - 40) / size;
  const middle = width / 2;
  return (
    <div ref={box} class="sankey-box" style={{ height: HEIGHT }}>
      {width > 0 && (
        <svg width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={spoken(sources, uses)}>
          <defs>
            <pattern id="rest-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
              <rect width="6" height="6" class="rest-ground" />
              <line x1="0" y1="0" x2="0" y2="6" class="rest-line" />
            </pattern>
          </defs>
          <Side nodes={sources} scale={scale} from={label} to={middle - 8} anchor={0} size={size} />
          <Side nodes={uses} scale={scale} from={width - label} to={middle + 8} anchor={width} size={size} />
          <rect class="bus" x={middle - 8} y={(HEIGHT - size * scale) / 2} width={16} height={size * scale} rx={4} />
        </svg>
      )}
    </div>
  );
}

/** Bands from labels that keep a distance of a line to a bus where they lie on each other. */
function Side({ nodes, scale, from, to, anchor, size }: { nodes: Node[]; scale: number; from: number; to: number; anchor: number; size: number }) {
  const left = anchor === 0;
  const row = HEIGHT / nodes.length;
  let at = (HEIGHT - size * scale) / 2;
  return (
    <>
      {nodes.map((node, index) => {
        const thick = Math.max(1.5, node.kwh * scale);
        const near = Math.min(thick, row * 0.7);
        const y = row * (index + 0.5);
        const centre = at + thick / 2;
        at += node.kwh * scale;
        return (
          <g key={node.key}>
            <path class={`sankey-band ${node.part}`} d={bandPath(from, y, near, to, centre, thick)} />
            <text class="label-name" x={anchor} y={y - 6} text-anchor={left ? "start" : "end"}>
              <tspan class={`key ${node.part}`}>■ </tspan>
              {say(node.key)}
            </text>
            <text class="sankey-number" x={anchor} y={y + 14} text-anchor={left ? "start" : "end"}>
              {together(energy(node.kwh))}
            </text>
          </g>
        );
      })}
    </>
  );
}

function bandPath(x: number, y: number, thick: number, toX: number, toY: number, toThick: number): string {
  const bend = (x + toX) / 2;
  const [a, b] = [thick / 2, toThick / 2];
  return `M${x},${y - a} C${bend},${y - a} ${bend},${toY - b} ${toX},${toY - b} L${toX},${toY + b} C${bend},${toY + b} ${bend},${y + a} ${x},${y + a} Z`;
}

function spoken(sources: Node[], uses: Node[]): string {
  const one = (node: Node): string => `${say(node.key)} ${together(energy(node.kwh))}`;
  return `${say("sankey.title")}: ${sources.map(one).join(", ")} → ${uses.map(one).join(", ")}`;
}
