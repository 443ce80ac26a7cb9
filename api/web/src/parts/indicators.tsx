// Indicators of this month, each with the coverage of its inputs; one that is not available says why.

import { Answered, useAsk } from "../asked";
import { below100, isoDay } from "../format";
import { Num } from "../number";
import { chosen, overview, park } from "../state";
import { language, say, sayMaybe } from "../words";
import { Traced } from "./traced";

export interface IndicatorFigure {
  name: string;
  value: number | null;
  unit: string;
  coverage_pct: number | null;
  estimated_pct: number | null;
  unavailable: string | null;
  unavailable_zh?: string | null;
  name_zh?: string;
  name_en?: string;
  formula?: string;
  at_ms: number | null;
  address: string;
  details?: Record<string, number | string | null>;
}

export const monthNow = (): string => isoDay(overview.value?.newest_ms ?? Date.now(), park.value?.time_zone ?? "Asia/Shanghai").slice(0, 7);

export function useIndicators(period: string, names: string[]) {
  return useAsk<{ indicators: IndicatorFigure[] }>(`/parks/${chosen.value}/indicators?period=${period}&names=${names.join(",")}`, 60_000);
}

export function IndicatorsCard({ names }: { names: string[] }) {
  const month = monthNow();
  const asked = useIndicators(month, names);
  return (
    <section class="card side" aria-label={say("indicators.title")}>
      <div class="card-head">
        <h2>{say("indicators.title")}</h2>
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

export function indicatorName(one: IndicatorFigure): string {
  return (language.value === "zh" ? one.name_zh : one.name_en) || sayMaybe(`indicator.${one.name}`, one.name);
}

export function IndicatorRow({ one }: { one: IndicatorFigure }) {
  const partial = one.coverage_pct !== null && one.coverage_pct < 99.95;
  const why = one.unavailable ? unavailable(one) : one.formula;
  return (
    <div>
      <dt>
        <Traced address={one.address}>{indicatorName(one)}</Traced>
      </dt>
      <dd>
        <Num value={one.value} unit={unitFor(one)} why={why} estimated={(one.estimated_pct ?? 0) > 0.05} />
        {one.value !== null && partial && <span class="reason">{say("indicators.coverage", { share: below100(one.coverage_pct ?? 0) })}</span>}
        {one.value === null && why && <span class="reason">{why}</span>}
      </dd>
    </div>
  );
}

function unavailable(one: IndicatorFigure): string {
  return (language.value === "zh" ? one.unavailable_zh : null) ?? sayMaybe(`unavailable.${one.unavailable}`, one.unavailable ?? "");
}

/** Shares are told in percent; a performance ratio, a power factor and a load factor are numbers below one. */
function unitFor(one: IndicatorFigure): string {
  const share = (one.name.endsWith("_ratio") && !one.name.startsWith("performance_ratio")) || one.name.startsWith("storage_round_trip");
  return share ? "share" : one.unit === "1" ? "" : one.unit;
}
