// Meters: the register as it stands, and beside it what it gained in each quarter of an hour, with its quality.

import { Answered, useQuery } from "../use_query";
import { deviceName, signalName, wholeName } from "../catalogue";
import { clock, power, together, whole } from "../format";
import { Num } from "../number";
import { go, param } from "../router";
import { chosen, park } from "../state";
import { say, type Key } from "../i18n";
import type { Member } from "./member";
import { ClassChart, dayShown } from "./class_chart";
import { DeviceCell, Live, sentenceOf, StateCell, sumOf } from "./device_cells";
import type { EnergyRow, Intervals } from "../types";

const REGISTERS = ["energy_import_kwh", "energy_export_kwh", "reactive_energy_import_kvarh"];

export function MetersPanel({ members }: { members: Member[] }) {
  const grid = members.filter((member) => member.device.device_class === "grid_meter");
  const kw = sumOf(grid.length ? grid : members, "active_power_kw");
  const wanted = param("device");
  const chosenMember = members.find(({ device }) => `${device.gateway}/${device.device}` === wanted) ?? members[0];
  return (
    <>
      <p class="answer">{kw === null ? say("meters.answer.none") : sentenceOf(kw >= 0 ? "meters.answer" : "meters.answer.export", grid.length ? grid : members, { power: together(power(Math.abs(kw))), count: members.length })}</p>
      <div class="board">
        <section class="card full" aria-labelledby="meters-table">
          <h2 id="meters-table">{say("meters.table")}</h2>
          <div class="scroll" tabIndex={0} role="region" aria-labelledby="meters-table">
            <table>
              <thead>
                <tr>
                  <th>{say("device")}</th>
                  <th>{say("gateways.state")}</th>
                  <th class="number">{say("signal.active_power_kw")}</th>
                  <th class="number">{say("signal.power_factor")}</th>
                  {REGISTERS.map((signal) => (
                    <th key={signal} class="number">
                      {signalName(signal)}
                    </th>
                  ))}
                  <th>{say("meters.place")}</th>
                </tr>
              </thead>
              <tbody>
                {members.map((member) => (
                  <tr key={member.device.device}>
                    <DeviceCell member={member} />
                    <td>
                      <StateCell member={member} />
                    </td>
                    <td class="number">
                      <Live member={member} signal="active_power_kw" />
                    </td>
                    <td class="number">
                      <Live member={member} signal="power_factor" />
                    </td>
                    {REGISTERS.map((signal) => (
                      <td key={signal} class="number">
                        <Register member={member} signal={signal} />
                      </td>
                    ))}
                    <td class="faint">{[member.device.station, member.device.line, member.device.transformer, member.device.account].filter(Boolean).join(" / ") || "—"}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
        <ClassChart title={say("meters.chart")} unit="kW" height={300} wishes={members.slice(0, 5).map(({ device }) => ({ device, signal: "active_power_kw" }))} />
        {chosenMember && <IntervalsCard members={members} member={chosenMember} />}
      </div>
    </>
  );
}

/** A register is read off, not rounded: every digit counts. */
function Register({ member, signal }: { member: Member; signal: string }) {
  const value = member.live?.values[signal];
  if (value === undefined) return <Num value={null} unit="" why={say("why.unknown_signal")} />;
  return (
    <span class={`num register ${member.live?.stale ? "old" : ""}`}>
      {value.toFixed(3)}
      <span class="unit"> {signal.endsWith("kvarh") ? "kvarh" : "kWh"}</span>
    </span>
  );
}

function IntervalsCard({ members, member }: { members: Member[]; member: Member }) {
  const { from_ms, to_ms } = dayShown();
  const { device } = member;
  const registers = REGISTERS.filter((name) => name.endsWith("_kwh") && device.signals.includes(name));
  const wanted = param("register");
  const signal = registers.find((name) => name === wanted) ?? "energy_import_kwh";
  const query = `signal=${signal}&gateway=${device.gateway}&device=${device.device}&from=${from_ms}&to=${to_ms}&resolution=15m`;
  const asked = useQuery<Intervals>(`/parks/${chosen.value}/intervals?${query}`, 30_000);
  return (
    <section class="card side intervals" aria-labelledby="intervals-title">
      <div class="card-head">
        <h2 id="intervals-title">{say("meters.intervals")}</h2>
        <select aria-label={say("device")} value={`${device.gateway}/${device.device}`} onChange={(event) => go({ device: event.currentTarget.value }, "replace")}>
          {members.map((one) => (
            <option key={one.device.device} value={`${one.device.gateway}/${one.device.device}`} title={wholeName(one.device)}>
              {deviceName(one.device)}
            </option>
          ))}
        </select>
        {registers.length > 1 && (
          <select aria-label={say("meters.register.choice")} value={signal} onChange={(event) => go({ register: event.currentTarget.value }, "replace")}>
            {registers.map((name) => (
              <option key={name} value={name}>
                {signalName(name)}
              </option>
            ))}
          </select>
        )}
      </div>
      <Answered of={asked} height={280} empty={({ intervals }) => (intervals.some((row) => row.quality !== "missing") ? null : say("meters.intervals.empty"))}>
        {({ intervals }) => <IntervalTable rows={intervals.filter((row) => row.at_ms + row.period_s * 1_000 <= Date.now())} />}
      </Answered>
    </section>
  );
}

function IntervalTable({ rows }: { rows: EnergyRow[] }) {
  const zone = park.value?.time_zone ?? "Asia/Shanghai";
  return (
    <div class="scroll tall" tabIndex={0} role="region" aria-labelledby="intervals-title">
      <table>
        <thead>
          <tr>
            <th>{say("meters.from")}</th>
            <th class="number">{say("energy.word")}</th>
            <th>{say("quality.word")}</th>
            <th class="number">{say("meters.register")}</th>
          </tr>
        </thead>
        <tbody>
          {[...rows].reverse().map((row) => (
            <tr key={row.at_ms} title={say("meters.counts", { valid: whole(row.valid ?? 0), expected: whole(row.expected ?? 0), revision: row.revision ?? 0 })}>
              <th scope="row">{clock(row.at_ms, zone)}</th>
              <td class="number">
                <Num value={row.energy_kwh ?? null} unit="kWh" estimated={row.quality === "estimated"} why={say(`interval.${row.quality}.why` as Key)} />
              </td>
              <td>{say(`interval.${row.quality}` as Key)}</td>
              <td class="number faint">{row.last_register_kwh == null ? "—" : row.last_register_kwh.toFixed(3)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
