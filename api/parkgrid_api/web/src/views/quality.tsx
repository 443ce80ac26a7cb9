// Whether the data can be trusted: complete or not by day and park, what is missing and why, what was refused, and the
// gateways that bring it.

import { Answered, useQuery } from "../use_query";
import { CompletenessCalendar } from "../parts/calendar";
import { GapList } from "../parts/gap_list";
import { GatewayTable } from "../parts/gateway_table";
import { FindingsCard, ProblemsCard } from "../parts/findings";
import { QuarantinePanel } from "../parts/quarantine";
import { short } from "../parts/trouble_list";
import { go, param } from "../router";
import { causes, parks } from "../state";
import { concernsAll, isOnItsWay } from "../trouble";
import type { GatewayState, Gateways, Quarantine } from "../types";
import { nameOf, say } from "../i18n";

/** One park when the view is narrowed to it. */
export const ofPark = (): string | null => param("of");

export function QualityView() {
  const wanted = ofPark();
  const known = wanted === null || parks.value?.some((one) => one.park === wanted);
  const gateways = useQuery<Gateways>(`/gateways${wanted ? `?park=${wanted}` : ""}`, 5_000);
  const refused = useQuery<Quarantine>(`/quarantine?limit=200${wanted ? `&park=${wanted}` : ""}`, 15_000);
  return (
    <>
      <p class="answer">{known && gateways.data && refused.data ? sentence(gateways.data.gateways, refused.data.total) : <span class="skeleton line" />}</p>
      <div class="toolbar">
        <label class="field">
          {say("park")}{" "}
          <select value={wanted ?? ""} onChange={(event) => go({ of: event.currentTarget.value || null }, "replace")}>
            <option value="">{say("quality.all")}</option>
            {(parks.value ?? []).map((one) => (
              <option key={one.park} value={one.park}>
                {nameOf(one, one.park)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {!known && <p class="alarm">{say("park.unknown", { park: wanted ?? "" })}</p>}
      {known && <div class="board">
        <CompletenessCalendar parks={(parks.value ?? []).filter((one) => wanted === null || one.park === wanted)} />
        <GapList park={wanted} />
        <FindingsCard park={wanted} />
        <ProblemsCard park={wanted} />
        <section class="card full" aria-labelledby="all-gateways">
          <h2 id="all-gateways">{say("gateways.title")}</h2>
          <Answered of={gateways} height={160} empty={(found) => (found.gateways.length ? null : say("gateways.empty"))}>
            {(found) => <GatewayTable gateways={found.gateways} at_ms={gateways.at_ms} />}
          </Answered>
        </section>
        <QuarantinePanel asked={refused} />
      </div>}
    </>
  );
}

function sentence(all: GatewayState[], refused: number): string {
  const gateways = all.filter((gateway) => !gateway.imported);
  const dropped = gateways.reduce((sum, gateway) => sum + (gateway.health.samples_dropped ?? 0), 0);
  const lost = dropped > 0 ? say("quality.answer.dropped", { count: dropped }) : say("quality.answer.kept");
  const not = refused > 0 ? say("quality.answer.refused", { count: refused }) : say("quality.answer.none");
  return upper(links(gateways)) + say("answer.join") + lost + say("answer.turn") + not + say("answer.end");
}

/** A sentence begins with a capital letter. */
const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** How the gateways stand: from the stream that every view lives from, so that no view knows later than another. */
function links(gateways: GatewayState[]): string {
  const count = gateways.length;
  const [first] = causes.value;
  if (first && isOnItsWay(first)) return say("quality.answer.on_its_way");
  if (first && concernsAll(first)) return say("quality.answer.unknown", { why: short(first) });
  const gone = causes.value.filter(({ kind }) => kind.startsWith("gateway_")).length;
  const silent = causes.value.reduce((sum, { kind, trouble }) => sum + (kind === "devices_silent" || kind === "device_silent" ? (trouble?.count ?? 0) : 0), 0);
  const known = gone ? (causes.value.length === 1 && first ? short(first) : say("quality.answer.offline", { offline: gone, count })) : say(count === 1 ? "quality.answer.online.one" : "quality.answer.online", { count });
  return silent ? known + say("answer.join") + (causes.value.length === 1 && first ? short(first) : say("quality.answer.devices", { count: silent })) : known;
}
