// The virtual power plant pilot for the bureau: what it has delivered and paid, how far its resources have come, its
// events; from there one event, one resource, one operator, one entry of the ledger. It only reads.

import type { ComponentChildren } from "preact";
import { Answered, useQuery, type Query } from "../use_query";
import { Back, Card, Digest, EntryTable, here, kw, kwh, span, Sums, Table, Verdicts, at } from "../parts/vpp";
import { EventView } from "../parts/vpp_event";
import { EventResourceView } from "../parts/vpp_event_resource";
import { OperatorView } from "../parts/vpp_operator";
import { AccuracyCard, DisputesCard } from "../parts/vpp_accuracy";
import { CapabilityCards } from "../parts/vpp_capability";
import { OperatorTable, ResourceTable } from "../parts/vpp_registry";
import { asked as pageAsked, Pager } from "../parts/pager";
import { pageOf, param } from "../router";
import { RouterLink } from "../router_link";
import { money, whole } from "../format";
import { nameOf, say, sayMaybe } from "../i18n";
import type { Entries, EntryWhole, EventList, EventShort, FunnelShape, PilotSummary } from "../types";

const PAUSE_MS = 10_000;
const EVENTS = 20;
const ENTRIES = 20;

export function VppView() {
  const [event, resource, operator, entry] = [param("event"), param("resource"), param("operator"), param("entry")];
  if (entry !== null) return <EntryView number={entry} />;
  if (event !== null && resource !== null) return <EventResourceView event={event} resource={resource} />;
  if (event !== null) return <EventView event={event} />;
  if (operator !== null) return <OperatorView operator={operator} />;
  return <Overview />;
}

function Overview() {
  const summary = useQuery<PilotSummary>("/vpp", PAUSE_MS);
  const events = useQuery<EventList>(`/vpp/events?${pageAsked("events", EVENTS)}`, PAUSE_MS);
  return (
    <Answered of={summary} height={480}>
      {(found) => (found.head === null ? <Nothing /> : <Pilot found={found} events={events} />)}
    </Answered>
  );
}

/** Nobody has registered anything yet. */
function Nothing() {
  return (
    <>
      <p class="answer">{say("vpp.none")}</p>
      <p>{say("vpp.none.how")}</p>
    </>
  );
}

function Pilot({ found, events }: { found: PilotSummary; events: Query<EventList> }) {
  return (
    <>
      <p class="answer">{sentence(found)}</p>
      <div class="board">
        <Year found={found} />
        <CapabilityCards />
        <Funnel rows={found.funnel} />
        <Card id="vpp-events" title={say("vpp.events")} note={events.data && say("vpp.count", { count: events.data.total })}>
          <Answered of={events} height={160} empty={(list) => (list.events.length ? null : say("vpp.events.none"))}>
            {(list) => (
              <>
                <EventTable events={list.events} />
                <Pager list="events" name={say("vpp.events")} total={list.total} size={EVENTS} timed />
              </>
            )}
          </Answered>
        </Card>
        <AccuracyCard />
        <DisputesCard />
        <ResourceTable />
        <OperatorTable />
        <Chain found={found} />
      </div>
    </>
  );
}

function sentence(found: PilotSummary): string {
  const now = found.under_way.length === 0 ? say("vpp.answer.quiet") : say("vpp.answer.now", { names: found.under_way.map((one) => nameOf(one, one.event)).join(say("list.join")) });
  const energy = say("vpp.answer.energy", { year: found.year, shaved: kwh(found.shaved_kwh), filled: kwh(found.filled_kwh) });
  const paid = found.money.map((one) => say(one.status === "simulation" ? "vpp.answer.simulated" : "vpp.answer.paid", { amount: money(Number(one.net_cny)) }));
  return [now, energy, ...paid].join(say("answer.turn")) + say("answer.end");
}

function Year({ found }: { found: PilotSummary }) {
  return (
    <Card id="vpp-year" title={say("vpp.year", { year: found.year })}>
      <dl class="pairs">
        <Pair name={say("vpp.under_way")}>
          {found.under_way.length === 0 ? say("vpp.no_event") : found.under_way.map((one) => <EventLink key={one.event} one={one} />)}
        </Pair>
        <Pair name={say("vpp.coming")}>{found.coming.length === 0 ? say("vpp.no_event") : found.coming.map((one) => <EventLink key={one.event} one={one} />)}</Pair>
        <Pair name={say("vpp.settled_events")}>{whole(found.settled)}</Pair>
        <Pair name={say("vpp.shaved")}>{kwh(found.shaved_kwh)}</Pair>
        <Pair name={say("vpp.filled")}>{kwh(found.filled_kwh)}</Pair>
        <Pair name={say("vpp.verdicts")}>
          <Verdicts counts={found.verdicts} words />
        </Pair>
        <Pair name={say("vpp.paid")}>
          <Sums sums={found.money} />
        </Pair>
        <Pair name={say("vpp.open_disputes")}>{whole(found.open_disputes)}</Pair>
      </dl>
    </Card>
  );
}

function Pair({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function EventLink({ one }: { one: EventShort }) {
  return (
    <RouterLink class="event-link" to={here({ event: one.event })}>
      {nameOf(one, one.event)}
    </RouterLink>
  );
}

function Funnel({ rows }: { rows: FunnelShape[] }) {
  const stages = rows[0]?.stages ?? [];
  return (
    <Card id="vpp-funnel" title={say("vpp.funnel")}>
      <Table title="vpp-funnel" heads={[{ text: say("vpp.funnel.of") }, ...stages.map((stage) => ({ text: sayMaybe(`vpp.stage.${stage.stage}`, stage.stage), number: true }))]}>
        {rows.map((row) => (
          <tr key={`${row.kind}/${row.id}`}>
            <th scope="row">
              {row.kind === "all" ? say("vpp.funnel.all") : nameOf(row, row.id)} <span class="faint">{row.kind === "all" ? "" : sayMaybe(`vpp.kind.${row.kind}`, row.kind)}</span>
            </th>
            {row.stages.map((stage) => (
              <td key={stage.stage} class="number">
                <b>{whole(stage.resources)}</b> <span class="faint">↓ {kw(stage.up_kw)} ↑ {kw(stage.down_kw)}</span>
              </td>
            ))}
          </tr>
        ))}
      </Table>
      <p class="small faint">{say("vpp.funnel.hint")}</p>
    </Card>
  );
}

function EventTable({ events }: { events: EventShort[] }) {
  const heads = [
    { text: say("vpp.event") },
    { text: say("vpp.direction") },
    { text: say("vpp.time") },
    { text: say("vpp.state") },
    { text: say("vpp.target"), number: true },
    { text: say("vpp.awarded"), number: true },
    { text: say("vpp.promised"), number: true },
    { text: say("vpp.measured"), number: true },
    { text: say("vpp.verdicts") },
    { text: say("vpp.net"), number: true },
  ];
  return (
    <Table title="vpp-events" heads={heads}>
      {events.map((one) => (
        <tr key={one.event} data-event={one.event}>
          <th scope="row">
            <EventLink one={one} /> <span class="faint">{one.event}</span>
          </th>
          <td>
            {say(one.direction === "shave" ? "vpp.shave" : "vpp.fill")} <span class="faint">{say(one.type === "direct" ? "vpp.direct" : "vpp.invitation")}</span>
          </td>
          <td>{span(one.from_ms, one.to_ms)}</td>
          <td>{sayMaybe(`vpp.state.${one.state}`, one.state)}</td>
          <td class="number">{kw(one.target_kw)}</td>
          <td class="number">{kw(one.awarded_kw)}</td>
          <td class="number">{kwh(one.promised_kwh)}</td>
          <td class="number">{kwh(one.measured_kwh)}</td>
          <td>
            <Verdicts counts={one.verdicts} />
          </td>
          <td class="number">
            <Sums sums={one.money} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function Chain({ found }: { found: PilotSummary }) {
  const last = found.head?.number ?? 0;
  // The newest first: pages are counted from the head, which moves on while somebody reads.
  const end = Math.max(0, last - pageOf("entries") * ENTRIES);
  const after = Math.max(0, end - ENTRIES);
  const told = useQuery<Entries>(last === 0 ? null : `/vpp/entries?after=${after}&limit=${Math.max(1, end - after)}`);
  if (found.head === null) return null;
  return (
    <Card id="vpp-chain" title={say("vpp.chain")}>
      <p>
        <RouterLink to={here({ entry: String(found.head.number) })}>{say("vpp.entry", { number: found.head.number })}</RouterLink> · {at(found.head.at_ms)} · <Digest text={found.head.digest} />
      </p>
      <p class="small faint">{say("vpp.chain.hint")}</p>
      <Answered of={told} height={160}>
        {(list) => <EntryTable title="vpp-chain" entries={[...list.entries].reverse()} subject />}
      </Answered>
      <Pager list="entries" name={say("vpp.chain")} total={last} size={ENTRIES} timed />
    </Card>
  );
}

function EntryView({ number }: { number: string }) {
  const asked = useQuery<EntryWhole>(`/vpp/entries/${encodeURIComponent(number)}`);
  return (
    <>
      <p class="answer">{say("vpp.entry", { number })}</p>
      <Back />
      <Answered of={asked} height={320}>
        {(found) => (
          <div class="board">
            <Card id="vpp-entry" title={sayMaybe(`vpp.entry.${found.kind}`, found.kind)} note={found.subject}>
              <dl class="pairs">
                <Pair name={say("vpp.entry.at")}>{at(found.at_ms)}</Pair>
                <Pair name={say("vpp.entry.by")}>{found.by}</Pair>
                <Pair name={say("vpp.entry.digest")}>
                  <Digest text={found.digest} />
                </Pair>
                <Pair name={say("vpp.entry.previous")}>
                  <Digest text={found.previous} />
                </Pair>
              </dl>
              <pre class="document" tabIndex={0} aria-label={say("vpp.entry.document")}>
                {JSON.stringify(found.document, null, 2)}
              </pre>
            </Card>
          </div>
        )}
      </Answered>
    </>
  );
}
