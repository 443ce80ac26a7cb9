// An event by minute: what was promised and what was measured, what is missing now, and how soon each resource answered.

import { whole } from "../format";
import { language, nameOf, say, sayMaybe } from "../i18n";
import { RouterLink } from "../router_link";
import { Answered, useQuery } from "../use_query";
import type { AwardLive, DelayShape, EventLive, EventResourceLive, EventResponses, EventWhole, ResourceLive, ResponseShape } from "../types";
import { Chart, type Line } from "./chart";
import { asked, Pager } from "./pager";
import { at, Card, here, kw, Table, ZONE } from "./vpp";

const PAUSE_MS = 10_000;
const MINUTE_MS = 60_000;
const SHOWN = 20;
/** In these states nothing more is measured that would change what is shown. */
const OVER = ["settled", "disputed", "closed"];
const BROKEN_OFF = ["cancelled", "superseded"];

/** Whether an event has begun and somebody is to deliver. */
export const hasBegun = (found: EventWhole): boolean => found.awards.length > 0 && found.as_of_ms >= found.from_ms && !BROKEN_OFF.includes(found.state);
export const isOver = (found: EventWhole): boolean => OVER.includes(found.state);

const missing = (value: number | null): string => (value === null ? say("vpp.live.unknown") : kw(value));

export function LiveCard({ found }: { found: EventWhole }) {
  const path = `/vpp/events/${encodeURIComponent(found.event)}/live?${asked("live", SHOWN)}`;
  const live = useQuery<EventLive>(path, isOver(found) ? 0 : PAUSE_MS);
  const newest = live.data?.newest_ms ?? null;
  return (
    <Card id="event-live" title={say("vpp.live")} note={newest !== null && say("vpp.live.newest", { time: at(newest) })}>
      <Answered of={live} height={320} empty={(one) => (one.newest_ms === null ? say("vpp.live.none") : null)}>
        {(one) => (
          <>
            {!isOver(found) && <p>{sentence(one)}</p>}
            <MinuteChart at_ms={one.at_ms} promised={one.promised} measured={one.measured} from_ms={one.from_ms} to_ms={one.to_ms} name={nameOf(found, found.event)} />
            {!isOver(found) && <Present found={found} live={one} />}
          </>
        )}
      </Answered>
    </Card>
  );
}

function sentence(live: EventLive): string {
  return say("vpp.live.now", { measured: missing(live.measured_kw), promised: kw(live.promised_kw), shortfall: missing(live.shortfall_kw), whole: kw(live.kw) });
}

interface Minutes {
  at_ms: number[];
  promised: number[];
  measured: (number | null)[];
  from_ms: number;
  to_ms: number;
  name: string;
}

/** Mean power by minute; a minute in which nothing was measured is a gap. */
function MinuteChart({ at_ms, promised, measured, from_ms, to_ms, name }: Minutes) {
  // A minute is drawn as long as it lasts.
  const drawn = <T,>(values: T[]): T[] => [...values, ...values.slice(-1)];
  const lines: Line[] = [
    { key: "measured", name: say("vpp.measured"), ink: "load", values: drawn(measured), stepped: true },
    { key: "promised", name: say("vpp.promised"), ink: "storage", values: drawn(promised), dashed: true, stepped: true },
  ];
  return <Chart at_ms={[...at_ms, ...at_ms.slice(-1).map((last) => last + MINUTE_MS)]} lines={lines} unit="kW" zone={ZONE} from_ms={from_ms} to_ms={to_ms} height={220} label={say("vpp.live.chart", { name })} />;
}

/** The same of one resource of an event. */
export function ResourceLiveCard({ event, resource, name, over }: { event: string; resource: string; name: string; over: boolean }) {
  const path = `/vpp/events/${encodeURIComponent(event)}/resources/${encodeURIComponent(resource)}/live`;
  const live = useQuery<EventResourceLive>(path, over ? 0 : PAUSE_MS);
  const nothing = (one: EventResourceLive) => (one.measured.every((value) => value === null) ? say("vpp.live.none") : null);
  return (
    <Card id="resource-live" title={say("vpp.live")}>
      <Answered of={live} height={220} empty={nothing}>
        {(one) => <MinuteChart at_ms={one.at_ms} promised={one.at_ms.map(() => one.kw)} measured={one.measured} from_ms={one.from_ms} to_ms={one.to_ms} name={name} />}
      </Answered>
    </Card>
  );
}

function Present({ found, live }: { found: EventWhole; live: EventLive }) {
  const heads = (first: string) => [{ text: first }, { text: say("vpp.awarded"), number: true }, { text: say("vpp.live.measured"), number: true }, { text: say("vpp.live.shortfall"), number: true }, { text: say("vpp.live.minute") }];
  return (
    <>
      {live.awards.length > 1 && (
        <Table title="event-live" heads={heads(say("vpp.operator"))}>
          {live.awards.map((one) => (
            <Row key={one.award} name={<RouterLink to={here({ operator: one.operator })}>{operatorOf(one)}</RouterLink>} of={one} told={one.unknown > 0 ? say("vpp.live.unknown_count", { count: one.unknown }) : ""} />
          ))}
        </Table>
      )}
      <Table title="event-live" heads={heads(say("vpp.resource"))}>
        {live.resources.map((one) => (
          <Row key={one.resource} name={<RouterLink to={here({ event: found.event, resource: one.resource })}>{nameOf(one, one.resource)}</RouterLink>} of={one} told={one.at_ms === null ? "" : at(one.at_ms).slice(11)} />
        ))}
      </Table>
      <Pager list="live" name={say("vpp.live")} total={live.total} size={SHOWN} />
    </>
  );
}

const operatorOf = (one: AwardLive): string => (language.value === "zh" ? one.operator_zh : one.operator_en) || one.operator;

function Row({ name, of, told }: { name: preact.ComponentChildren; of: AwardLive | ResourceLive; told: string }) {
  const short = (of.shortfall_kw ?? 0) > 0;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="number">{kw(of.kw)}</td>
      <td class="number">{missing(of.measured_kw)}</td>
      <td class={`number ${short ? "alarm" : ""}`}>{missing(of.shortfall_kw)}</td>
      <td class="faint">{told}</td>
    </tr>
  );
}

/** How soon each resource reached its promise, and how late its readings came. */
export function ResponsesCard({ found }: { found: EventWhole }) {
  const path = `/vpp/events/${encodeURIComponent(found.event)}/responses?${asked("responses", SHOWN)}`;
  const told = useQuery<EventResponses>(path, isOver(found) ? 0 : 3 * PAUSE_MS);
  const heads = [
    { text: say("vpp.resource") },
    { text: say("vpp.response_time"), number: true },
    { text: say("vpp.response.measured"), number: true },
    { text: say("vpp.delay"), number: true },
    { text: say("vpp.delay.most"), number: true },
  ];
  return (
    <Card id="event-responses" title={say("vpp.responses")}>
      <Answered of={told} height={160}>
        {(list) => (
          <>
            <Table title="event-responses" heads={heads}>
              {list.resources.map((one) => (
                <tr key={one.resource}>
                  <th scope="row">
                    <RouterLink to={here({ event: found.event, resource: one.resource })}>{nameOf(one, one.resource)}</RouterLink> <span class="faint">{sayMaybe(`vpp.resource.${one.kind}`, one.kind)}</span>
                  </th>
                  <td class="number">{response(one)}</td>
                  <td class="number">{say("vpp.response.minutes", { measured: whole(one.measured), minutes: whole(one.minutes) })}</td>
                  <td class="number">{delay(one.delay, one.delay.median_s)}</td>
                  <td class="number">{delay(one.delay, one.delay.most_s)}</td>
                </tr>
              ))}
            </Table>
            <Pager list="responses" name={say("vpp.responses")} total={list.total} size={SHOWN} />
            <p class="small faint">{say("vpp.responses.hint", { pct: list.delivered_pct })}</p>
          </>
        )}
      </Answered>
    </Card>
  );
}

const seconds = (value: number): string => say("vpp.seconds", { seconds: value < 10 ? Math.round(value * 10) / 10 : whole(Math.round(value)) });

function response(one: ResponseShape): string {
  if (one.state === "unknown") return say("vpp.unknown", { why: sayMaybe(`vpp.unknown.${one.why}`, one.why) });
  if (one.after_s === null || one.by_s === null) return say("vpp.response.not_reached");
  return one.after_s === one.by_s ? seconds(one.by_s) : say("vpp.response.between", { after: seconds(one.after_s), by: seconds(one.by_s) });
}

function delay(of: DelayShape, value: number | null): string {
  return value === null ? say("vpp.unknown", { why: sayMaybe(`vpp.unknown.${of.why}`, of.why) }) : seconds(value);
}
