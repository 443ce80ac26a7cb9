// Charging sessions: what each vehicle took and gave back, and where its energy came from as a bar of three parts.

import { Answered, type Query } from "../use_query";
import { age, energy, moment, percent, together, whole } from "../format";
import { Num } from "../number";
import { park } from "../state";
import { say, type Key } from "../i18n";
import type { ChargingSessionShape, ChargingSessions } from "../types";

const SHOWN = 30;
const PARTS = [
  ["from_pv_kwh", "pv", "part.pv"],
  ["from_storage_kwh", "storage", "part.storage"],
  ["from_grid_kwh", "grid", "part.grid"],
] as const;
/** Less than this is what rounding leaves. */
const NOTHING_KWH = 0.0005;

export function SessionsCard({ asked, names, returning }: { asked: Query<ChargingSessions>; names: Map<string, string>; returning: boolean }) {
  return (
    <section class="card full" aria-labelledby="sessions-title">
      <div class="card-head">
        <h2 id="sessions-title">{say("sessions.title")}</h2>
        <ul class="legend">
          {PARTS.map(([, ink, key]) => (
            <li key={ink}>
              <span class={`key ${ink}`} aria-hidden="true">
                ■
              </span>{" "}
              {say(key)}
            </li>
          ))}
          <li>
            <span class="origin-key" aria-hidden="true" /> {say("sessions.unattributed")}
          </li>
        </ul>
      </div>
      <Answered of={asked} height={280} empty={({ sessions }) => (sessions.length ? null : say("sessions.empty"))}>
        {(told) => (
          <>
            <Table rows={told.sessions.slice(-SHOWN).reverse()} names={names} returning={returning} />
            {told.outside_sessions_kwh > NOTHING_KWH && <p class="faint">{say("sessions.outside", { all: together(energy(told.registers_kwh)), outside: together(energy(told.outside_sessions_kwh)) })}</p>}
          </>
        )}
      </Answered>
    </section>
  );
}

function Table({ rows, names, returning }: { rows: ChargingSessionShape[]; names: Map<string, string>; returning: boolean }) {
  return (
    <div class="scroll tall" tabIndex={0} role="region" aria-labelledby="sessions-title">
      <table class="sessions">
        <thead>
          <tr>
            <th>{say("gun")}</th>
            <th>{say("sessions.origin")}</th>
            <th class="number">{say("energy.ev")}</th>
            {PARTS.map(([name, , key]) => (
              <th key={name} class="number">
                {say(key)}
              </th>
            ))}
            {returning && <th class="number">{say("energy.v2g")}</th>}
            <th>{say("sessions.start")}</th>
            <th class="number">{say("sessions.length")}</th>
            <th class="number">{say("sessions.peak")}</th>
            <th class="number">{say("signal.vehicle_soc_pct")}</th>
            <th>{say("quality.word")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((one) => (
            <Row key={`${one.gateway}/${one.device}/${one.start_ms}`} one={one} name={names.get(`${one.gateway}/${one.device}`) ?? one.name ?? one.device} returning={returning} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ one, name, returning }: { one: ChargingSessionShape; name: string; returning: boolean }) {
  const zone = park.value?.time_zone ?? "Asia/Shanghai";
  const doubtful = one.quality !== "good";
  const why = doubtful ? say(`sessions.${one.quality}.why` as Key) : undefined;
  const no_origin = say(one.state === "under_way" ? "sessions.origin.later" : "sessions.origin.unknown");
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>
        <OriginBar one={one} />
      </td>
      <td class="number">
        <Num value={one.energy_kwh} unit="kWh" estimated={doubtful} why={why} />
      </td>
      {PARTS.map(([part]) => (
        <td key={part} class="number">
          <Num value={one[part]} unit="kWh" estimated={doubtful || one.origin_quality === "estimated"} why={one[part] === null ? no_origin : why} />
        </td>
      ))}
      {returning && (
        <td class="number">
          <Num value={one.returned_kwh} unit="kWh" />
        </td>
      )}
      <td>{moment(one.start_ms, zone).slice(5)}</td>
      <td class="number">{one.state === "under_way" ? say("sessions.under_way") : age((one.end_ms - one.start_ms) / 1000)}</td>
      <td class="number">
        <Num value={one.peak_kw} unit="kW" />
      </td>
      <td class="number">{one.soc_start_pct === null || one.soc_end_pct === null ? <Num value={null} unit="%" why={say("sessions.no_soc")} /> : `${whole(one.soc_start_pct)} → ${whole(one.soc_end_pct)} %`}</td>
      <td title={say("sessions.coverage", { share: percent(one.coverage_pct / 100) })}>{say(`interval.${one.quality}` as Key)}</td>
    </tr>
  );
}

/** PV, storage, grid in this order, and hatched what cannot be told yet; the same in words. */
export function OriginBar({ one }: { one: ChargingSessionShape }) {
  const whole_kwh = one.energy_kwh ?? 0;
  if (one.state === "under_way") return <span class="faint">{say("sessions.origin.later")}</span>;
  if (one.energy_kwh === null || one.from_grid_kwh === null) return <span class="faint">{say("sessions.origin.unknown")}</span>;
  if (whole_kwh < NOTHING_KWH) return <span class="faint">{say("sessions.nothing")}</span>;
  const open_kwh = one.unattributed_kwh ?? 0;
  const text = [...PARTS.map(([name, , key]) => `${say(key)} ${together(energy(one[name] ?? 0))}`), ...(open_kwh > NOTHING_KWH ? [`${say("sessions.unattributed")} ${together(energy(open_kwh))}`] : [])].join(say("list.join"));
  return (
    <span class="bar origin" role="img" aria-label={text} title={text}>
      {PARTS.map(([name, ink]) => (
        <span key={ink} class={ink} style={{ width: `${(100 * Math.max(0, one[name] ?? 0)) / whole_kwh}%` }} />
      ))}
    </span>
  );
}
