// How good forecasts and responses were, and what is disputed, over all events.

import { whole } from "../format";
import { nameOf, say, sayMaybe } from "../i18n";
import { RouterLink } from "../router_link";
import { Answered, useQuery } from "../use_query";
import type { Accuracy, DisputeList, ForecastScore } from "../types";
import { asked, Pager } from "./pager";
import { at, Card, here, kw, kwh, stepOf, Table } from "./vpp";

const SHOWN = 20;
const PAUSE_MS = 60_000;
const pct = (value: number | null): string => (value === null ? say("vpp.live.unknown") : `${value.toFixed(1)}\u202f%`);

export function AccuracyCard() {
  const told = useQuery<Accuracy>(`/vpp/accuracy?${asked("accuracy", SHOWN)}`, PAUSE_MS);
  return (
    <Card id="vpp-accuracy" title={say("vpp.accuracy")}>
      <Answered of={told} height={200} empty={(found) => (found.resources.length ? null : say("vpp.resources.none"))}>
        {(found) => (
          <>
            <Resources found={found} />
            <Pager list="accuracy" name={say("vpp.accuracy")} total={found.total} size={SHOWN} />
            <h3>{say("vpp.forecasts")}</h3>
            {found.parks.length === 0 ? <p class="empty">{say("vpp.forecasts.none")}</p> : <Parks found={found} />}
            <p class="small faint">{say("vpp.accuracy.hint")}</p>
          </>
        )}
      </Answered>
    </Card>
  );
}

function Resources({ found }: { found: Accuracy }) {
  const heads = [
    { text: say("vpp.resource") },
    { text: say("vpp.settled_events"), number: true },
    { text: say("vpp.promised"), number: true },
    { text: say("vpp.delivered"), number: true },
    { text: say("vpp.response_accuracy"), number: true },
    { text: say("vpp.unverified_quarters"), number: true },
    { text: say("vpp.forecast_error"), number: true },
    { text: say("vpp.confidence"), number: true },
  ];
  return (
    <Table title="vpp-accuracy" heads={heads}>
      {found.resources.map((one) => (
        <tr key={one.resource}>
          <th scope="row">
            {nameOf(one, one.resource)} <span class="faint">{sayMaybe(`vpp.resource.${one.kind}`, one.kind)}</span>
          </th>
          <td class="number">{whole(one.events)}</td>
          <td class="number">{kwh(one.promised_kwh)}</td>
          <td class="number">{kwh(one.delivered_kwh)}</td>
          <td class="number">{pct(one.accuracy_pct)}</td>
          <td class="number">{whole(one.unverified)}</td>
          <td class="number">{one.forecast === null ? say("vpp.forecast.not_used") : error(one.forecast)}</td>
          <td class="number">{one.forecast === null ? "—" : pct(one.forecast.confidence_pct)}</td>
        </tr>
      ))}
    </Table>
  );
}

const error = (of: ForecastScore): string => (of.mae_kw === null ? say("vpp.live.unknown") : kw(of.mae_kw));

function Parks({ found }: { found: Accuracy }) {
  const heads = [
    { text: say("park") },
    { text: say("vpp.method") },
    { text: say("vpp.issued") },
    { text: say("vpp.compared"), number: true },
    { text: say("vpp.mae"), number: true },
    { text: say("vpp.bias"), number: true },
    { text: say("vpp.skill"), number: true },
    { text: say("vpp.confidence"), number: true },
  ];
  return (
    <Table title="vpp-accuracy" heads={heads}>
      {found.parks.map((one) => (
        <tr key={one.park}>
          <th scope="row">{nameOf(one, one.park)}</th>
          <td>{sayMaybe(`vpp.method.${one.method}`, one.method)}</td>
          <td>{at(one.issued_ms)}</td>
          <td class="number">{whole(one.quarters)}</td>
          <td class="number">{error(one)}</td>
          <td class="number">{one.bias_kw === null ? say("vpp.live.unknown") : kw(one.bias_kw)}</td>
          <td class="number">{one.method === "seasonal_naive" ? "0" : "—"}</td>
          <td class="number">{pct(one.confidence_pct)}</td>
        </tr>
      ))}
    </Table>
  );
}

export function DisputesCard() {
  const told = useQuery<DisputeList>(`/vpp/disputes?${asked("disputes", SHOWN)}`, PAUSE_MS);
  const heads = [{ text: say("vpp.dispute") }, { text: say("vpp.event") }, { text: say("vpp.statement") }, { text: say("vpp.step") }, { text: say("vpp.entry.at") }, { text: say("vpp.text") }, { text: say("vpp.due") }];
  return (
    <Card id="vpp-disputes" title={say("vpp.disputes")} note={told.data && say("vpp.disputes.open", { open: whole(told.data.open), total: whole(told.data.total) })}>
      <Answered of={told} height={100} empty={(found) => (found.total ? null : say("vpp.disputes.none"))}>
        {(found) => (
          <>
            <Table title="vpp-disputes" heads={heads}>
              {found.disputes.map((one) => (
                <tr key={`${one.event}/${one.dispute}`}>
                  <th scope="row">{one.dispute}</th>
                  <td>
                    <RouterLink to={here({ event: one.event })}>{nameOf(one, one.event)}</RouterLink>
                  </td>
                  <td>{one.statement}</td>
                  <td>{stepOf(one)}</td>
                  <td>{at(one.at_ms)}</td>
                  <td class="wide-text">{one.text}</td>
                  <td>{one.due}</td>
                </tr>
              ))}
            </Table>
            <Pager list="disputes" name={say("vpp.disputes")} total={found.total} size={SHOWN} timed />
          </>
        )}
      </Answered>
    </Card>
  );
}
