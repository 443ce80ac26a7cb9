// Whether the data can be trusted: complete or not by day and park, what is missing and why, what was refused, and the
// gateways that bring it.

import { Answered, useAsk } from "../asked";
import { percent } from "../format";
import { CompletenessCalendar } from "../parts/calendar";
import { GapList } from "../parts/gap_list";
import { GatewayTable } from "../parts/gateway_table";
import { QuarantinePanel } from "../parts/quarantine";
import { go, param } from "../router";
import { parks } from "../state";
import type { Gateway, Quarantine } from "../types";
import { nameOf, say } from "../words";

/** One park when the view is narrowed to it. */
export const ofPark = (): string | null => param("of");

export function QualityView() {
  const wanted = ofPark();
  const gateways = useAsk<{ gateways: Gateway[] }>(`/gateways${wanted ? `?park=${wanted}` : ""}`, 5_000);
  const refused = useAsk<Quarantine>(`/quarantine?limit=200${wanted ? `&park=${wanted}` : ""}`, 15_000);
  return (
    <>
      <p class="answer">{gateways.data && refused.data ? sentence(gateways.data.gateways, refused.data.total) : <span class="skeleton line" />}</p>
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
      <div class="board">
        <CompletenessCalendar parks={(parks.value ?? []).filter((one) => wanted === null || one.park === wanted)} />
        <GapList park={wanted} />
        <section class="card full" aria-labelledby="all-gateways">
          <h2 id="all-gateways">{say("gateways.title")}</h2>
          <Answered of={gateways} height={160} empty={(found) => (found.gateways.length ? null : say("gateways.empty"))}>
            {(found) => <GatewayTable gateways={found.gateways} at_ms={gateways.at_ms} />}
          </Answered>
        </section>
        <QuarantinePanel asked={refused} />
      </div>
    </>
  );
}

function sentence(all: Gateway[], refused: number): string {
  const gateways = all.filter((gateway) => !gateway.imported);
  const offline = gateways.filter((gateway) => gateway.online === false).length;
  const dropped = gateways.reduce((sum, gateway) => sum + (gateway.health.samples_dropped ?? 0), 0);
  const link = offline === 0 ? say(gateways.length === 1 ? "quality.answer.online.one" : "quality.answer.online", { count: gateways.length }) : say("quality.answer.offline", { offline, count: gateways.length, share: percent(1 - offline / gateways.length) });
  const lost = dropped > 0 ? say("quality.answer.dropped", { count: dropped }) : say("quality.answer.kept");
  const not = refused > 0 ? say("quality.answer.refused", { count: refused }) : say("quality.answer.none");
  return link + say("answer.join") + lost + say("answer.turn") + not + say("answer.end");
}
