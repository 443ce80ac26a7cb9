// One day of the devices of a class, on one axis: like beside like.

import { Answered, usePolled, type Query } from "../use_query";
import { deviceName, signalName } from "../catalogue";
import { isoDay } from "../format";
import { askHistory } from "../history";
import { inks, together, trackOf, type Track } from "../series";
import { chosen, overview, park } from "../state";
import type { Device, History } from "../types";
import { say } from "../i18n";
import { Chart, type Line } from "./chart";
import { chosenDay } from "./day_choice";
import { DayRefused } from "./day_refused";

export interface Wish {
  device: Device;
  signal: string;
  /** What each value is divided by, for a comparison of unlike sizes. */
  per?: number | undefined;
  name?: string;
  ink?: string;
  dashed?: boolean;
  area?: boolean;
}

interface Props {
  wishes: Wish[];
  unit: string;
  title: string;
  height?: number;
  sync?: string;
  span?: "wide" | "full";
}

/** The local day that a view shows: the chosen one, else that of the newest reading. */
export function dayShown(): { day: string; from_ms: number; to_ms: number } {
  const zone = park.value?.time_zone ?? "Asia/Shanghai";
  const day = chosenDay() ?? isoDay(overview.value?.newest_ms ?? Date.now(), zone);
  // Parks stand in places without summer time; a day of 23 or 25 hours would be drawn an hour wrong at its end.
  const noon = Date.parse(`${day}T12:00:00Z`);
  const offset = Date.parse(new Date(noon).toLocaleString("sv-SE", { timeZone: zone }).replace(" ", "T") + "Z") - noon;
  const from_ms = Date.parse(`${day}T00:00:00Z`) - offset;
  return { day, from_ms, to_ms: from_ms + 86_400_000 };
}

export function ClassChart({ wishes, unit, title, height = 240, sync = "devices", span = "wide" }: Props) {
  const { day, from_ms, to_ms } = dayShown();
  const asked = useDay(wishes, from_ms, to_ms);
  const zone = park.value?.time_zone ?? "Asia/Shanghai";
  return (
    <section class={`card ${span}`} aria-label={title}>
      <h2>{title}</h2>
      {asked.data === null && asked.problem ? <DayRefused problem={asked.problem} /> : <Answered of={asked} height={height + 28} empty={(found) => (found.some((history) => history?.history.at_ms?.length) ? null : say(chosenDay() ? "day.none" : "day.empty", { day }))}>
        {(found) => <Drawn wishes={wishes} found={found} unit={unit} zone={zone} from_ms={from_ms} to_ms={to_ms} height={height} title={title} sync={sync} />}
      </Answered>}
    </section>
  );
}

function Drawn({ wishes, found, ...rest }: { wishes: Wish[]; found: History[]; unit: string; zone: string; from_ms: number; to_ms: number; height: number; title: string; sync: string }) {
  const tracks = wishes.map((wish, index): Track => {
    const history = found[index];
    const { at_ms, values, estimated }: Track = history ? trackOf(history, wish.signal, wish.device.period_s) : { at_ms: [], values: [] };
    const per = wish.per ?? 1;
    return { at_ms, values: per === 1 ? values : values.map((value) => (value == null ? value : value / per)), ...(estimated ? { estimated } : {}) };
  });
  const joined = together(tracks);
  const marked = (wish: Wish, index: number): string => {
    const name = wish.name ?? (wishes.every((other) => other.signal === wish.signal) ? deviceName(wish.device) : signalName(wish.signal));
    return tracks[index]?.estimated ? `${name} · ${say("flag.estimated_some")}` : name;
  };
  const shades = inks(wishes.map((wish) => wish.device.device_class));
  const lines = wishes.map(
    (wish, index): Line => ({
      key: `${wish.device.device}/${wish.signal}`,
      name: marked(wish, index),
      ink: wish.ink ?? shades[index] ?? "load",
      values: joined.tracks[index]?.values ?? [],
      dashed: wish.dashed ?? false,
      area: wish.area ?? false,
    }),
  );
  const { title, ...more } = rest;
  return <Chart at_ms={joined.at_ms} lines={lines} label={title} {...more} />;
}

/** The day's histories, asked again once a minute. */
function useDay(wishes: Wish[], fromMs: number, toMs: number): Query<History[]> {
  const key = wishes.map((wish) => `${wish.device.gateway}/${wish.device.device}/${wish.signal}`).join() + fromMs;
  const one = ({ device, signal }: Wish): Promise<History> => askHistory(chosen.peek() ?? "", device, signal, fromMs, toMs, 1_500);
  return usePolled(key, () => Promise.all(wishes.map(one)), 60_000);
}
