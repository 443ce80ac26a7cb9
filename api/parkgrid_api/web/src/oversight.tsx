// Whether the data can be trusted: the gateways' health, and what was refused with its reason.

import { ago, age, DASH, whole } from "./format";
import { Num } from "./number";
import { allOld, causes, overview, quarantine, since } from "./state";
import type { GatewayState } from "./types";
import { say, sayMaybe } from "./i18n";

export function Gateways() {
  const shown = overview.value?.gateways;
  return (
    <section class="card gateways" aria-labelledby="gateways-title">
      <h2 id="gateways-title">{say("gateways.title")}</h2>
      {shown === undefined ? (
        <div class="skeleton" />
      ) : shown.length === 0 ? (
        <p class="empty">{say("gateways.empty")}</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-labelledby="gateways-title">
          <table>
            <thead>
              <tr>
                <th>{say("gateways.name")}</th>
                <th>{say("gateways.state")}</th>
                <th class="number">{say("gateways.outbox")}</th>
                <th class="number">{say("gateways.backlog")}</th>
                <th class="number">{say("gateways.clock")}</th>
                <th class="number">{say("gateways.dropped")}</th>
                <th class="number">{say("gateways.seen")}</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((gateway) => (
                <Row key={gateway.gateway} gateway={gateway} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Row({ gateway }: { gateway: GatewayState }) {
  const { health } = gateway;
  const seen = gateway.last_seen_age_s === null ? null : gateway.last_seen_age_s + since.value;
  const known = (name: string, text: (value: number) => string): string => {
    const value = health[name];
    return value === undefined ? DASH : text(value);
  };
  return (
    <tr class={gateway.online === false ? "bad" : ""}>
      <th scope="row">{gateway.gateway}</th>
      <td>
        <Online gateway={gateway} />
      </td>
      <td class="number">{known("outbox_batches", whole)}</td>
      <td class="number">{known("outbox_oldest_s", age)}</td>
      <td class="number">
        <ClockOffset health={health} />
      </td>
      <td class="number">{known("samples_dropped", whole)}</td>
      <td class="number">{seen === null ? DASH : ago(seen)}</td>
    </tr>
  );
}

/** A gateway whose clock nothing disciplines does not know how far it is off: that is said, not left to be guessed. */
export function ClockOffset({ health }: { health: Record<string, number> }) {
  const ms = health.clock_offset_ms;
  if (ms !== undefined) return <>{`${ms > 0 ? "+" : ""}${whole(ms)} ms`}</>;
  const reason = say(Object.keys(health).length ? "gateways.clock.undisciplined" : "gateways.clock.silent");
  return Object.keys(health).length ? (
    <span class="faint" title={reason}>
      {say("gateways.clock.none")}
    </span>
  ) : (
    <Num value={null} unit="ms" why={reason} />
  );
}

/** Shape and word, not colour alone. Of a gateway that nothing can be heard of, the last state is none. */
export function Online({ gateway }: { gateway: GatewayState }) {
  const { online, imported } = gateway;
  if (imported) return <span class="faint">{say("imported")}</span>;
  if (online === null || allOld.value) return <span class="faint">{say("unknown")}</span>;
  if (!online) return <span class="alarm">○ {say("offline")}</span>;
  const own = causes.value.find((cause) => cause.trouble?.gateway === gateway.gateway && (cause.park ?? gateway.park) === gateway.park);
  if (own?.kind === "gateway_silent" || own?.kind === "gateway_quiet") return <span class="alarm">○ {say("silent")}</span>;
  return <span>● {say("online")}</span>;
}

export function Refused() {
  const shown = quarantine.value;
  const most = Math.max(1, ...Object.values(shown?.reasons ?? {}));
  const last = shown?.entries[0];
  return (
    <section class="card refused" aria-labelledby="refused-title">
      <div class="card-head">
        <h2 id="refused-title">{say("quarantine.title")}</h2>
        <span class="faint">{say("quarantine.span")}</span>
      </div>
      {shown === null ? (
        <div class="skeleton" />
      ) : shown.total === 0 ? (
        <p class="empty">{say("quarantine.none")}</p>
      ) : (
        <>
          <p class="big">{whole(shown.total)}</p>
          <ul class="reasons">
            {Object.entries(shown.reasons).map(([reason, count]) => (
              <li key={reason}>
                <span>{sayMaybe(`reason.${reason}`, reason)}</span>
                <meter min={0} max={most} value={count} aria-hidden="true" />
                <b>{whole(count)}</b>
              </li>
            ))}
          </ul>
          {last && (
            <p class="faint last" title={last.content ?? ""}>
              {say("quarantine.last")}: {[last.gateway, last.device, last.content].filter(Boolean).join(" · ")}
            </p>
          )}
        </>
      )}
    </section>
  );
}
