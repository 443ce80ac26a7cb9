// What is missing, from when to when, and which part of the way failed: one row for all devices that were silent together.

import { useState } from "preact/hooks";
import { Answered, useQuery, useQueries, type Query } from "../use_query";
import { signalName } from "../catalogue";
import { age, isoDay, moment, otherDay } from "../format";
import { param } from "../router";
import { parks } from "../state";
import { nameOf, say, sayMaybe } from "../i18n";
import type { DataGaps, Gaps, Restores } from "../types";

/** What began to be missing in a park at one moment, for one cause. */
interface Spell {
  park: string;
  from_ms: number;
  cause: string;
  /** The end of the longest of them; null while one is open. */
  to_ms: number | null;
  devices: Map<string, string[]>;
}

const DAY = 86_400_000;
const SHOWN_AT_FIRST = 8;
const NAMED = 3;

export function GapList({ park }: { park: string | null }) {
  const day = param("day");
  const names = park === null ? (parks.value ?? []).map((one) => one.park) : [park];
  const zone = parks.value?.find((known) => known.park === names[0])?.time_zone ?? "Asia/Shanghai";
  const from = day ? Date.parse(`${day}T00:00:00+08:00`) : Math.floor(Date.now() / DAY) * DAY - 7 * DAY;
  const to = day ? from + DAY : from + 9 * DAY;
  const today = isoDay(Date.now(), zone);
  const period = day ?? `${otherDay(today, -6)}..${otherDay(today, 1)}`;
  const asked = joined(useQueries<DataGaps>(names.map((name) => `/parks/${name}/gaps?period=${period}`), 60_000));
  const sequences = useQuery<Gaps>(`/gaps?limit=50&from=${from}&to=${to}${park ? `&park=${park}` : ""}`, 60_000);
  const restores = useQuery<Restores>(`/restores?limit=50&from=${from}&to=${to}${park ? `&park=${park}` : ""}`, 60_000);
  return (
    <section class="card full" aria-labelledby="gaps-title">
      <div class="card-head">
        <h2 id="gaps-title">{say("gaps.title")}</h2>
        <span class="faint">{day ?? say("gaps.week")}</span>
      </div>
      <Answered of={asked} height={120} empty={(spells) => (spells.length ? null : say("gaps.none"))}>
        {(spells) => <Spells spells={spells} zone={zone} />}
      </Answered>
      {(restores.data?.entries.length ?? 0) > 0 && (
        <>
          <h3>{say("gaps.restores")}</h3>
          <ul class="entries">
            {restores.data?.entries.slice(0, 10).map((one) => (
              <li key={`${one.park}${one.gateway}${one.acked_epoch}`}>
                {say("gaps.restore", { gateway: `${one.park}/${one.gateway}`, acked: one.acked_through, held: one.held_through ?? say("gaps.restore_nothing") })}{" "}
                <span class="faint">{moment(one.noted_ms, zone)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {(sequences.data?.entries.length ?? 0) > 0 && (
        <>
          <h3>{say("gaps.sequences")}</h3>
          <ul class="entries">
            {sequences.data?.entries.slice(0, 10).map((gap) => (
              <li key={`${gap.gateway}${gap.first_seq}`}>
                {gap.gateway} · {gap.first_seq}–{gap.last_seq} · {sayMaybe(`cause.${gap.cause}`, gap.cause)}{" "}
                <span class="faint">{moment(gap.noted_ms, zone)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

/** The answers of all parks as one, as old as the oldest; it is there when every park has answered or refused. */
function joined(asked: Query<DataGaps>[]): Query<Spell[]> {
  const problem = asked.find((one) => one.problem)?.problem ?? null;
  const known = asked.filter((one) => one.data !== null);
  const data = asked.length > 0 && known.length > 0 && asked.every((one) => one.data ?? one.problem) ? spellsOf(known) : null;
  return { data, problem, at_ms: Math.min(...known.map((one) => one.at_ms)) };
}

/** The newest first. */
function spellsOf(asked: Query<DataGaps>[]): Spell[] {
  const spells = new Map<string, Spell>();
  for (const { data } of asked) {
    for (const gap of data?.gaps ?? []) {
      const key = [data?.park, gap.from_ms, gap.cause].join("|");
      const spell = spells.get(key) ?? { park: data?.park ?? "", from_ms: gap.from_ms, cause: gap.cause, to_ms: gap.to_ms, devices: new Map<string, string[]>() };
      const device = [gap.gateway, gap.device].filter(Boolean).join("/");
      spell.devices.set(device, [...(spell.devices.get(device) ?? []), ...(gap.signal ? [gap.signal] : [])]);
      spell.to_ms = spell.to_ms === null || gap.to_ms === null ? null : Math.max(spell.to_ms, gap.to_ms);
      spells.set(key, spell);
    }
  }
  return [...spells.values()].sort((a, b) => b.from_ms - a.from_ms);
}

function Spells({ spells, zone }: { spells: Spell[]; zone: string }) {
  const [all, setAll] = useState(false);
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="gaps-title">
        <table>
          <thead>
            <tr>
              <th>{say("meters.from")}</th>
              <th class="number">{say("gaps.length")}</th>
              <th>{say("gaps.cause")}</th>
              <th>{say("park")}</th>
              <th>{say("device")}</th>
            </tr>
          </thead>
          <tbody>
            {spells.slice(0, all ? undefined : SHOWN_AT_FIRST).map((spell) => (
              <tr key={[spell.park, spell.from_ms, spell.cause].join()}>
                <td>{moment(spell.from_ms, zone)}</td>
                <td class="number">{spell.to_ms === null ? say("gaps.open") : age((spell.to_ms - spell.from_ms) / 1000)}</td>
                <td>
                  <span aria-hidden="true">▨ </span>
                  {sayMaybe(`cause.${spell.cause}`, spell.cause)}
                </td>
                <td>{nameOf(parks.value?.find((one) => one.park === spell.park), spell.park)}</td>
                <Devices of={spell.devices} />
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {spells.length > SHOWN_AT_FIRST && !all && (
        <button type="button" class="more" onClick={() => setAll(true)}>
          {say("gaps.all", { count: spells.length })}
        </button>
      )}
    </>
  );
}

/** The first few by name, the rest as a number; all of them with their signals when one looks twice. */
function Devices({ of }: { of: Map<string, string[]> }) {
  const names = [...of.keys()];
  const told = (name: string): string => `${name}: ${(of.get(name) ?? []).map(signalName).join(say("list.join"))}`;
  const [only] = names;
  const more = names.length - NAMED;
  return (
    <td title={names.map(told).join("\n")}>
      {names.slice(0, NAMED).join(say("list.join"))}
      {more > 0 && <span class="faint"> {say("gaps.more", { count: more })}</span>}
      {names.length === 1 && only !== undefined && <span class="faint"> {(of.get(only) ?? []).map(signalName).join(say("list.join"))}</span>}
    </td>
  );
}
