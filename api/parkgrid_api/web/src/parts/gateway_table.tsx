// The gateways: link, version, outbox, clock, and how the last day went.

import { ago, age, DASH, whole } from "../format";
import { useQuery } from "../use_query";
import { ClockOffset, Online } from "../oversight";
import { parks } from "../state";
import type { GatewayState, History } from "../types";
import { nameOf, say } from "../i18n";
import { Spark } from "./spark";

export function GatewayTable({ gateways, at_ms }: { gateways: GatewayState[]; at_ms: number }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-labelledby="all-gateways">
      <table>
        <thead>
          <tr>
            <th>{say("gateways.name")}</th>
            <th>{say("park")}</th>
            <th>{say("gateways.state")}</th>
            <th>{say("gateways.version")}</th>
            <th class="number">{say("gateways.outbox")}</th>
            <th class="number">{say("gateways.backlog")}</th>
            <th class="number">{say("gateways.clock")}</th>
            <th class="number">{say("gateways.dropped")}</th>
            <th class="number">{say("gateways.reconnects")}</th>
            <th>{say("gateways.history")}</th>
            <th class="number">{say("gateways.seen")}</th>
          </tr>
        </thead>
        <tbody>
          {gateways.map((gateway) => (
            <Row key={`${gateway.park}/${gateway.gateway}`} gateway={gateway} at_ms={at_ms} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ gateway, at_ms }: { gateway: GatewayState; at_ms: number }) {
  const { health } = gateway;
  const seen = gateway.last_seen_age_s === null ? null : gateway.last_seen_age_s + Math.max(0, (Date.now() - at_ms) / 1000);
  const one = parks.value?.find((known) => known.park === gateway.park);
  const told = (name: string, text: (value: number) => string): string => (health[name] === undefined ? DASH : text(health[name] ?? 0));
  return (
    <tr class={gateway.online === false ? "bad" : ""}>
      <th scope="row">{gateway.gateway}</th>
      <td>{nameOf(one, gateway.park)}</td>
      <td>
        <Online gateway={gateway} />
      </td>
      <td>{gateway.agent_version ?? DASH}</td>
      <td class="number">{told("outbox_batches", whole)}</td>
      <td class="number">{told("outbox_oldest_s", age)}</td>
      <td class="number">
        <ClockOffset health={health} />
      </td>
      <td class="number">{told("samples_dropped", whole)}</td>
      <td class="number">{told("link_reconnects", whole)}</td>
      <td>
        <LinkHistory gateway={gateway} />
      </td>
      <td class="number">{seen === null ? DASH : ago(seen)}</td>
    </tr>
  );
}

const QUARTER = 900_000;

/** The last day in quarters of an hour: how many health reports came; a quarter without one is a hole in the strip. */
function LinkHistory({ gateway }: { gateway: GatewayState }) {
  const to = Math.ceil((gateway.health_at_ms ?? Date.now()) / QUARTER) * QUARTER;
  const path = `/devices/${gateway.park}/${gateway.gateway}/${gateway.gateway}/history?signals=outbox_batches&from=${to - 86_400_000}&to=${to}&resolution=15m`;
  const asked = useQuery<History>(gateway.health_at_ms === null ? null : path, 60_000);
  const at = asked.data?.history.at_ms ?? [];
  if (asked.data === null) return <span class="faint">{DASH}</span>;
  const known = new Map(at.map((ms, index) => [ms, asked.data?.history.curves.outbox_batches?.max?.[index] ?? null]));
  const slots = Array.from({ length: 96 }, (_, index) => known.get(to - 86_400_000 + index * QUARTER));
  const present = slots.filter((value) => value !== undefined).length;
  const text = say("gateways.history.text", { present, all: 96 });
  return (
    <span class="link-history" title={text} role="img" aria-label={text}>
      <svg width="144" height="16" aria-hidden="true">
        {slots.map((value, index) => (value === undefined ? null : <rect key={index} x={index * 1.5} y="11" width="1.6" height="5" class="present" />))}
      </svg>
      <Spark values={slots.map((value) => value ?? null)} ink="load" width={144} height={14} />
    </span>
  );
}
