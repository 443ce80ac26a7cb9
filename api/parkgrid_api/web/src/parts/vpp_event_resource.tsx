// One resource of an event: its baseline, the days that were chosen and dropped and why, and every quarter hour.

import { Answered, useQuery } from "../use_query";
import { RouterLink } from "../router_link";
import { nameOf, say, sayMaybe } from "../i18n";
import type { BaselineDay, BaselineShape, EligibilityShape, EventResource } from "../types";
import { at, Card, Digest, EntryLink, here, kw, kwh, Table, Verdicts, Yuan } from "./vpp";
import { ResourceLiveCard } from "./vpp_live";
import { IntervalTable, QuarterChart, QuarterTable } from "./vpp_quarters";

const QUARTER_MS = 900_000;

export function EventResourceView({ event, resource }: { event: string; resource: string }) {
  const asked = useQuery<EventResource>(`/vpp/events/${encodeURIComponent(event)}/resources/${encodeURIComponent(resource)}`, 10_000);
  return (
    <Answered of={asked} height={480}>
      {(found) => (
        <>
          <p class="answer">{sentence(found)}</p>
          <p class="small">
            <RouterLink to={here({ event })}>‹ {say("vpp.back.event")}</RouterLink>
          </p>
          <div class="board">
            <Quarters found={found} />
            {!found.opted_out && <ResourceLiveCard event={event} resource={resource} name={nameOf(found, found.resource)} over={found.measured_kwh !== null} />}
            <Line found={found} />
            <Baseline found={found} />
          </div>
        </>
      )}
    </Answered>
  );
}

function sentence(found: EventResource): string {
  const name = nameOf(found, found.resource);
  if (found.measured_kwh === null) return say("vpp.resource.promised", { name, kw: kw(found.kw), promised: kwh(found.promised_kwh) }) + say("answer.end");
  return say("vpp.resource.measured", { name, kw: kw(found.kw), promised: kwh(found.promised_kwh), measured: kwh(found.measured_kwh) }) + say("answer.end");
}

function Quarters({ found }: { found: EventResource }) {
  const last = found.quarters[found.quarters.length - 1];
  return (
    <Card id="resource-quarters" title={say("vpp.quarters")} note={<Verdicts counts={found.verdicts} words />}>
      {last && <QuarterChart quarters={found.quarters} to_ms={last.at_ms + QUARTER_MS} label={say("vpp.chart", { name: nameOf(found, found.resource) })} />}
      <QuarterTable quarters={found.quarters} title="resource-quarters" />
      {found.findings.length > 0 && (
        <>
          <h3>{say("vpp.findings")}</h3>
          <ul>
            {found.findings.map((one) => (
              <li key={one.register + one.from_ms}>
                {at(one.from_ms)} <code>{one.register}</code> {sayMaybe(`vpp.finding.${one.kind}`, one.kind)}
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}

function Line({ found }: { found: EventResource }) {
  if (found.status === null) return null;
  const heads = [
    { text: say("vpp.contract") },
    { text: say("vpp.payment"), number: true },
    { text: say("vpp.penalty"), number: true },
    { text: say("vpp.operator_part"), number: true },
    { text: say("vpp.user_part"), number: true },
    { text: say("vpp.trace") },
  ];
  return (
    <Card id="resource-line" title={say("vpp.line")} note={found.statement}>
      <Table title="resource-line" heads={heads}>
        <tr>
          <td>{found.contract}</td>
          {[found.payment_cny, found.penalty_cny, found.operator_part_cny, found.user_part_cny].map((amount, index) => (
            <td key={index} class="number">
              <Yuan amount={amount} status={found.status} />
            </td>
          ))}
          <td>
            <EntryLink number={found.entry} />
          </td>
        </tr>
      </Table>
      {found.intervals.length > 0 && <IntervalTable intervals={found.intervals} status={found.status} title="resource-line" />}
      {found.readings && (
        <p class="small faint">
          {say("vpp.readings")} <Digest text={found.readings} />
        </p>
      )}
    </Card>
  );
}

function Baseline({ found }: { found: EventResource }) {
  const { frozen } = found;
  if (frozen === null) return null;
  return (
    <Card id="resource-baseline" title={say("vpp.baseline.card")} note={sayMaybe(`vpp.baseline.${frozen.name}`, frozen.name)}>
      <p>{adjusted(frozen)}</p>
      {!frozen.eligible && <p class="alarm">{say("vpp.not_eligible")}</p>}
      {found.eligibility && <p>{errors(found.eligibility)}</p>}
      {frozen.days.length > 0 && <Days frozen={frozen} />}
      {found.known_later.length > 0 && (
        <>
          <h3>{say("vpp.known_later")}</h3>
          <ul>
            {found.known_later.map((one) => (
              <li key={one.day}>{say("vpp.known_later.day", { day: one.day, was: kwh(one.was_kwh), is: kwh(one.is_kwh) })}</li>
            ))}
          </ul>
        </>
      )}
      <p class="small faint">
        {say("vpp.readings")} <Digest text={frozen.readings} />
      </p>
    </Card>
  );
}

function adjusted({ name, adjustment }: BaselineShape): string {
  if (name === "zero") return say("vpp.baseline.zero.why");
  if (adjustment === null) return say("vpp.adjust.not_yet");
  const capped = adjustment.capped ? say("vpp.adjust.capped") : "";
  return say(`vpp.adjust.${adjustment.applied}`, { factor: adjustment.factor, shift: kwh(adjustment.shift_kwh), past: kwh(adjustment.past_kwh), today: kwh(adjustment.today_kwh) }) + capped;
}

function errors(found: EligibilityShape): string {
  return say("vpp.errors", { rule: sayMaybe(`vpp.baseline.${found.rule}`, found.rule), days: found.days, rrmse: found.rrmse_pct, bias: found.bias_pct, mae: found.mae_kw, from: found.from_day, to: found.to_day });
}

function detail({ outcome, detail: told }: BaselineDay): string {
  if (outcome === "too_low" || outcome === "too_high") return say("vpp.mean", { wh: told });
  return outcome === "not_read" ? sayMaybe(`vpp.unsure.${told}`, told) : sayMaybe(`vpp.kind_of_day.${told}`, told);
}

function Days({ frozen }: { frozen: BaselineShape }) {
  const heads = [{ text: say("vpp.day") }, { text: say("vpp.outcome") }, { text: say("vpp.day.energy"), number: true }, { text: say("vpp.detail") }];
  return (
    <Table title="resource-baseline" heads={heads}>
      {frozen.days.map((one) => (
        <tr key={one.day} class={one.outcome === "counts" ? "" : "bad"}>
          <td>{one.day}</td>
          <td>
            {one.outcome === "counts" ? "✓ " : "✕ "}
            {sayMaybe(`vpp.outcome.${one.outcome}`, one.outcome)}
          </td>
          <td class="number">{kwh(one.energy_kwh)}</td>
          <td>{detail(one)}</td>
        </tr>
      ))}
    </Table>
  );
}
