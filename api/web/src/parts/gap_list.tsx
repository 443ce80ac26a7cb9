// What is missing, from when to when, and which part of the way failed.

import { Answered, useAsk } from "../asked";
import { age, isoDay, moment, otherDay } from "../format";
import { param } from "../router";
import { parks } from "../state";
import { say, sayMaybe } from "../words";

export interface DataGap {
  gateway: string | null;
  device: string | null;
  signal: string | null;
  from_ms: number;
  to_ms: number | null;
  cause: string;
}

interface Sequence {
  park: string;
  gateway: string;
  first_seq: number;
  last_seq: number;
  noted_ms: number;
}

const DAY = 86_400_000;

export function GapList({ park }: { park: string | null }) {
  const day = param("day");
  const one = park ?? parks.value?.[0]?.park ?? null;
  const zone = parks.value?.find((known) => known.park === one)?.time_zone ?? "Asia/Shanghai";
  const from = day ? Date.parse(`${day}T00:00:00+08:00`) : Math.floor(Date.now() / DAY) * DAY - 7 * DAY;
  const to = day ? from + DAY : from + 9 * DAY;
  const today = isoDay(Date.now(), zone);
  const asked = useAsk<{ gaps: DataGap[] }>(one ? `/parks/${one}/gaps?period=${day ?? `${otherDay(today, -6)}..${otherDay(today, 1)}`}` : null, 60_000);
  const sequences = useAsk<{ entries: Sequence[] }>(`/gaps?limit=50&from=${from}&to=${to}${park ? `&park=${park}` : ""}`, 60_000);
  return (
    <section class="card side" aria-labelledby="gaps-title">
      <div class="card-head">
        <h2 id="gaps-title">{say("gaps.title")}</h2>
        <span class="faint">{day ?? say("gaps.week")}</span>
      </div>
      <Answered of={asked} height={160} empty={({ gaps }) => (gaps.length ? null : say("gaps.none"))}>
        {({ gaps }) => (
          <ul class="entries tall">
            {gaps.slice(0, 60).map((gap) => (
              <li key={`${gap.device}${gap.signal}${gap.from_ms}`}>
                <b>
                  <span aria-hidden="true">▨ </span>
                  {sayMaybe(`cause.${gap.cause}`, gap.cause)}
                </b>{" "}
                · {[gap.gateway, gap.device].filter(Boolean).join("/")}
                <br />
                <span class="faint">
                  {moment(gap.from_ms, zone)} · {gap.to_ms === null ? say("gaps.open") : age((gap.to_ms - gap.from_ms) / 1000)}
                </span>
              </li>
            ))}
          </ul>
        )}
      </Answered>
      {(sequences.data?.entries.length ?? 0) > 0 && (
        <>
          <h3>{say("gaps.sequences")}</h3>
          <ul class="entries">
            {sequences.data?.entries.slice(0, 10).map((gap) => (
              <li key={`${gap.gateway}${gap.first_seq}`}>
                {gap.gateway} · {gap.first_seq}–{gap.last_seq} <span class="faint">{moment(gap.noted_ms, zone)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}
