// Indicators of this month, each with the coverage of its inputs; one that is not available says why.

import { Answered, useQuery } from "../use_query";
import { below100, isoDay } from "../format";
import { Num } from "../number";
import { chosen, overview, park } from "../state";
import { language, say, sayMaybe } from "../i18n";
import { chosenDay } from "./day_choice";
import { Traced } from "./traced";
import type { DistrictFigureShape, Figures, FigureShape } from "../types";

/** Of one park, or of parks together. */
export type AnyFigure = FigureShape | DistrictFigureShape;

export const monthShown = (): string => (chosenDay() ?? isoDay(overview.value?.newest_ms ?? Date.now(), park.value?.time_zone ?? "Asia/Shanghai")).slice(0, 7);

export function useIndicators(period: string, names: string[]) {
  return useQuery<Figures>(`/parks/${chosen.value}/indicators?period=${period}&names=${names.join(",")}`, 60_000);
}

export function IndicatorsCard({ names }: { names: string[] }) {
  const month = monthShown();
  const asked = useIndicators(month, names);
  return (
    <section class="card side" aria-label={say("indicators.title")}>
      <div class="card-head">
        <h2>{say(chosenDay() ? "indicators.title.chosen" : "indicators.title")}</h2>
        <span class="faint">{month}</span>
      </div>
      <Answered of={asked} height={200} empty={({ indicators }) => (indicators.some((one) => names.includes(one.name)) ? null : say("indicators.empty"))}>
        {({ indicators }) => (
          <dl class="pairs">
            {names.flatMap((name) => {
              const one = indicators.find((known) => known.name === name);
              return one ? [<IndicatorRow key={name} one={one} />] : [];
            })}
          </dl>
        )}
      </Answered>
    </section>
  );
}

export function indicatorName(one: FigureShape): string {
  return (language.value === "zh" ? one.name_zh : one.name_en) || sayMaybe(`indicator.${one.name}`, one.name);
}

export function IndicatorRow({ one }: { one: FigureShape }) {
  const note = noteOf(one);
  return (
    <div>
      <dt>
        <Traced address={one.address}>{indicatorName(one)}</Traced>
      </dt>
      <dd>
        <Num value={one.value} unit={unitOf(one)} digits={one.display.digits} why={whyOf(one)} estimated={(one.estimated_pct ?? 0) > 0.05} />
        {note && <span class="reason">{note}</span>}
      </dd>
    </div>
  );
}

/** What stands under a figure: its coverage where it is not whole, or why there is none. */
export function noteOf(one: AnyFigure): string | null {
  if (one.value === null) return whyOf(one) ?? null;
  const partial = one.coverage_pct !== null && one.coverage_pct < 99.95;
  return partial ? say("indicators.coverage", { share: below100(one.coverage_pct ?? 0) }) : null;
}

/** Why there is no figure. */
export function whyOf(one: AnyFigure): string | undefined {
  return one.unavailable ? unavailable(one) : undefined;
}

function unavailable(one: AnyFigure): string {
  return (language.value === "zh" ? one.unavailable_zh : null) ?? sayMaybe(`unavailable.${one.unavailable}`, one.unavailable ?? "");
}

/** The unit as the page scales it; whether a figure is a share is said by its definition. */
export function unitOf(one: AnyFigure): string {
  return one.display.share ? "share" : one.unit;
}
