// The month so far: demand against its limit, self-consumption and self-sufficiency, carbon, and what it costs.

import { Answered, useQuery } from "../use_query";
import { clock, isoDay, money, percent, power, together } from "../format";
import { Num } from "../number";
import { chosen, park } from "../state";
import type { BillAnswer, Devices, FigureShape, Supply, SupplyAgreement } from "../types";
import { language, say } from "../i18n";
import { chosenDay } from "./day_choice";
import { Traced } from "./traced";
import { IndicatorRow, monthShown, useIndicators } from "./indicators";

const NAMES = ["maximum_demand_kw", "self_consumption_ratio", "self_sufficiency_ratio", "load_factor", "power_factor", "carbon_location_based_t"];

/** What was agreed with the supplier; null while it is not known. */
function useSupply(): SupplyAgreement[] | null {
  return useQuery<Supply>(`/parks/${chosen.value}/supply`, 300_000).data?.agreements ?? null;
}

/** A sum of nothing, or of something unknown, is not known. */
function sumOf(parts: (number | null)[]): number | null {
  return parts.length && parts.every((part) => part !== null) ? parts.reduce<number>((sum, part) => sum + (part ?? 0), 0) : null;
}

export function MonthSoFar() {
  const month = monthShown();
  const asked = useIndicators(month, NAMES);
  return (
    <section class="card side month" aria-labelledby="month-title">
      <div class="card-head">
        <h2 id="month-title">{say(chosenDay() ? "month.title.chosen" : "month.title")}</h2>
        <span class="faint">{month}</span>
      </div>
      <Answered of={asked} height={240}>
        {({ indicators }) => (
          <>
            <Demand one={indicators.find((known) => known.name === "maximum_demand_kw")} />
            <dl class="pairs">
              {indicators
                .filter((known) => known.name !== "maximum_demand_kw")
                .sort((a, b) => NAMES.indexOf(a.name) - NAMES.indexOf(b.name))
                .map((known) => (
                  <IndicatorRow key={known.name} one={known} />
                ))}
              <Cost month={month} />
            </dl>
          </>
        )}
      </Answered>
    </section>
  );
}

/** The peak of the month against what the connection is rated for. */
function Demand({ one }: { one: FigureShape | undefined }) {
  const supply = useSupply();
  const devices = useQuery<Devices>(`/parks/${chosen.value}/devices`, 300_000);
  if (!one) return null;
  const agreed = sumOf((supply ?? []).map((agreement) => agreement.contracted_kw));
  const rated = sumOf((devices.data?.devices ?? []).filter((device) => device.device_class === "grid_meter" && !device.retired).map((device) => device.ratings?.rated_power_kw ?? null));
  const limit = agreed ?? rated;
  const zone = park.value?.time_zone ?? "Asia/Shanghai";
  const share = one.value !== null && limit ? one.value / limit : null;
  const doubt = doubtOf(one);
  return (
    <div class="demand">
      <div class="demand-head">
        <span class="faint">
          <Traced address={one.address}>{say("month.demand")}</Traced>
        </span>
        <b>
          <Num value={one.value} unit="kW" estimated={doubt !== null} why={doubt ?? (language.value === "zh" ? one.unavailable_zh : one.unavailable) ?? undefined} />
        </b>
        <span class="faint small">
          {one.at_ms !== null && say("month.at", { at: `${isoDay(one.at_ms, zone).slice(5)} ${clock(one.at_ms, zone)}` })}
          {share !== null && ` · ${percent(share)}`}
          {doubt !== null && ` · ${doubt}`}
          {one.value === null && ((language.value === "zh" ? one.unavailable_zh : one.unavailable) ?? "")}
        </span>
      </div>
      <span class="bar demand-bar" aria-hidden="true">
        {share !== null && <span class={`fill ${share > 0.9 ? "weak" : ""}`} style={{ width: `${Math.min(100, share * 100)}%` }} />}
      </span>
      <span class="faint small">{limit === null ? say("month.no_limit") : say(agreed === null ? "month.limit" : "month.agreed", { limit: together(power(limit)) })}</span>
    </div>
  );
}

/** Of a maximum in an estimated interval: what the highest of the good ones is. */
function doubtOf(one: FigureShape): string | null {
  if (one.value === null || one.details?.quality !== "estimated") return null;
  const good = one.details.good_maximum_kw;
  return typeof good === "number" ? say("month.estimated", { good: together(power(good)) }) : say("month.all_estimated");
}

function Cost({ month }: { month: string }) {
  const account = useSupply()?.[0]?.account ?? null;
  const asked = useQuery<BillAnswer>(account === null ? null : `/accounts/${encodeURIComponent(account)}/bills/${month}`, 300_000);
  const bill = asked.data?.bill;
  // Of an open month the last quarter hours are always missing, until they are metered: those alone are no doubt.
  const doubted = bill && (!bill.provisional || bill.marks?.some((mark) => mark.estimated_intervals > 0));
  const doubt = doubted ? (language.value === "zh" ? bill.marks_zh : bill.marks_en) : "";
  const why = asked.problem?.title ?? say(account === null ? "month.cost.none" : "connecting");
  return (
    <div>
      <dt title={bill ? (language.value === "zh" ? bill.plan_name_zh : bill.plan_name_en) : undefined}>{say("month.cost")}</dt>
      <dd>
        {bill ? (
          <span class={`num ${doubt ? "doubtful" : ""}`} title={doubt || undefined}>
            <span class="unit">¥ </span>
            {money(Number(bill.total_cny))}
          </span>
        ) : (
          <Num value={null} unit="" why={why} />
        )}
        {(doubt || !bill) && <span class="reason">{doubt || why}</span>}
        {bill?.document.notes.some(({ code }) => code === "example_plan") && <span class="reason">{say("month.example")}</span>}
      </dd>
    </div>
  );
}
