// One event: what was promised and what came of it, who was awarded what and why others were not, money with the way to
// its entry in the ledger, disputes.

import { Answered, useQuery } from "../use_query";
import { money } from "../format";
import { RouterLink } from "../router_link";
import { language, nameOf, say, sayMaybe, type Key } from "../i18n";
import type { AwardShape, EventEntries, EventResources, EventWhole } from "../types";
import { asked, Pager } from "./pager";
import { at, Back, Card, Digest, EntryLink, EntryTable, here, kw, kwh, span, Stamp, stepOf, Table, Verdicts, Yuan } from "./vpp";
import { StatementFiles } from "./vpp_download";
import { hasBegun, isOver, LiveCard, ResponsesCard } from "./vpp_live";
import { IntervalTable, QuarterChart, QuarterTable } from "./vpp_quarters";

const PAUSE_MS = 10_000;
const SHOWN = 20;

export function EventView({ event }: { event: string }) {
  const asked = useQuery<EventWhole>(`/vpp/events/${encodeURIComponent(event)}`, PAUSE_MS);
  return (
    <Answered of={asked} height={480}>
      {(found) => (
        <>
          <p class="answer">{sentence(found)}</p>
          <Back />
          <div class="board">
            {hasBegun(found) && !isOver(found) && <LiveCard found={found} />}
            {found.awards.map((award) => (
              <AwardCard key={award.award} found={found} award={award} />
            ))}
            <ResourcesCard event={event} />
            {hasBegun(found) && <ResponsesCard found={found} />}
            {hasBegun(found) && isOver(found) && <LiveCard found={found} />}
            <Money found={found} />
            <Disputes found={found} />
            <Bids found={found} />
            <Course found={found} />
            <PackCard found={found} />
            <EntriesCard found={found} />
          </div>
        </>
      )}
    </Answered>
  );
}

function sentence(found: EventWhole): string {
  const what = say("vpp.event.answer", {
    name: nameOf(found, found.event),
    direction: say(found.direction === "shave" ? "vpp.shave" : "vpp.fill"),
    time: span(found.from_ms, found.to_ms),
    state: sayMaybe(`vpp.state.${found.state}`, found.state),
  });
  if (found.measured_kwh === null) return what + say("answer.turn") + say("vpp.event.promised", { promised: kwh(found.promised_kwh) }) + say("answer.end");
  const paid = found.money.map((one) => say(one.status === "simulation" ? "vpp.answer.simulated" : "vpp.answer.paid", { amount: money(Number(one.net_cny)) }));
  return [what, say("vpp.event.measured", { measured: kwh(found.measured_kwh), promised: kwh(found.promised_kwh) }), ...paid].join(say("answer.turn")) + say("answer.end");
}

const operatorOf = (award: AwardShape): string => (language.value === "zh" ? award.operator_zh : award.operator_en);
/** Of the statement that stands. */
const statusOf = (award: AwardShape): string | null => award.statements[award.statements.length - 1]?.status ?? null;

function AwardCard({ found, award }: { found: EventWhole; award: AwardShape }) {
  const id = `award-${award.award}`;
  return (
    <Card
      id={id}
      title={say("vpp.award.of", { operator: operatorOf(award), kw: kw(award.kw) })}
      note={
        <>
          <Verdicts counts={award.verdicts} words /> · <RouterLink to={here({ operator: award.operator })}>{say("vpp.operator.side")}</RouterLink>
        </>
      }
    >
      <QuarterChart quarters={award.quarters} to_ms={found.to_ms} label={say("vpp.chart", { name: operatorOf(award) })} />
      <QuarterTable quarters={award.quarters} title={id} />
      {award.intervals.length > 0 && (
        <>
          <h3>{say("vpp.intervals", { minutes: found.pack.interval_min })}</h3>
          <IntervalTable intervals={award.intervals} status={statusOf(award)} title={id} />
        </>
      )}
    </Card>
  );
}

function ResourcesCard({ event }: { event: string }) {
  const told = useQuery<EventResources>(`/vpp/events/${encodeURIComponent(event)}/resources?${asked("lines", SHOWN)}`, PAUSE_MS);
  const heads = [
    { text: say("vpp.resource") },
    { text: say("vpp.operator") },
    { text: say("vpp.awarded"), number: true },
    { text: say("vpp.baseline") },
    { text: say("vpp.promised"), number: true },
    { text: say("vpp.measured"), number: true },
    { text: say("vpp.verdicts") },
    { text: say("vpp.payment"), number: true },
    { text: say("vpp.penalty"), number: true },
    { text: say("vpp.operator_part"), number: true },
    { text: say("vpp.user_part"), number: true },
    { text: say("vpp.trace") },
  ];
  return (
    <Card id="event-resources" title={say("vpp.lines")} note={told.data && say("vpp.count", { count: told.data.total })}>
      <Answered of={told} height={160} empty={(list) => (list.resources.length ? null : say("vpp.lines.none"))}>
        {(list) => (
          <>
            <Table title="event-resources" heads={heads}>
              {list.resources.map((one) => (
                <tr key={one.resource} data-resource={one.resource}>
                  <th scope="row">
                    <RouterLink to={here({ event, resource: one.resource })}>{nameOf(one, one.resource)}</RouterLink> <span class="faint">{sayMaybe(`vpp.resource.${one.kind}`, one.kind)}</span>
                  </th>
                  <td>{one.operator}</td>
                  <td class="number">
                    {kw(one.kw)} {one.opted_out && <span class="faint">{say("vpp.opted_out")}</span>}
                  </td>
                  <td>
                    {one.baseline === null ? "—" : sayMaybe(`vpp.baseline.${one.baseline}`, one.baseline)} {one.eligible === false && <span class="alarm">{say("vpp.not_eligible")}</span>}
                  </td>
                  <td class="number">{kwh(one.promised_kwh)}</td>
                  <td class="number">{kwh(one.measured_kwh)}</td>
                  <td>
                    <Verdicts counts={one.verdicts} />
                  </td>
                  {[one.payment_cny, one.penalty_cny, one.operator_part_cny, one.user_part_cny].map((amount, index) => (
                    <td key={index} class="number">
                      <Yuan amount={amount} status={one.status} />
                    </td>
                  ))}
                  <td>
                    <EntryLink number={one.entry} />
                  </td>
                </tr>
              ))}
            </Table>
            <Pager list="lines" name={say("vpp.lines")} total={list.total} size={SHOWN} />
          </>
        )}
      </Answered>
    </Card>
  );
}

function Money({ found }: { found: EventWhole }) {
  const rows = found.awards.flatMap((award) => award.statements.map((statement) => ({ award, statement })));
  const heads = [
    { text: say("vpp.statement") },
    { text: say("vpp.operator") },
    { text: say("vpp.revision"), number: true },
    { text: say("vpp.cause") },
    { text: say("vpp.price"), number: true },
    { text: say("vpp.payment"), number: true },
    { text: say("vpp.penalty"), number: true },
    { text: say("vpp.net"), number: true },
    { text: say("vpp.trace") },
    { text: say("vpp.entry.digest") },
    { text: say("vpp.download") },
  ];
  if (rows.length === 0) return null;
  return (
    <Card id="event-money" title={say("vpp.statements")}>
      <Table title="event-money" heads={heads}>
        {rows.map(({ award, statement }) => (
          <tr key={statement.statement}>
            <th scope="row">{statement.statement}</th>
            <td>{operatorOf(award)}</td>
            <td class="number">{statement.revision}</td>
            <td>{sayMaybe(`vpp.cause.${statement.cause.replace(/ .*/, "")}`, statement.cause)}</td>
            <td class="number">
              {statement.price_cny_per_kwh} {say("vpp.per_kwh")} <Stamp status={statement.status} />
            </td>
            {[statement.payment_cny, statement.penalty_cny, statement.net_cny].map((amount, index) => (
              <td key={index} class="number">
                <Yuan amount={amount} status={statement.status} />
              </td>
            ))}
            <td>
              <EntryLink number={statement.entry} />
            </td>
            <td>
              <Digest text={statement.digest} />
            </td>
            <td>
              <StatementFiles
                statement={statement.statement}
                bundle={statement === award.statements[award.statements.length - 1] ? { event: found.event, operator: award.operator } : null}
              />
            </td>
          </tr>
        ))}
      </Table>
      <p class="faint">{say("vpp.download.hint")}</p>
    </Card>
  );
}

function Disputes({ found }: { found: EventWhole }) {
  if (found.disputes.length === 0) return null;
  const heads = [{ text: say("vpp.dispute") }, { text: say("vpp.statement") }, { text: say("vpp.step") }, { text: say("vpp.entry.at") }, { text: say("vpp.text") }, { text: say("vpp.due") }];
  return (
    <Card id="event-disputes" title={say("vpp.disputes")}>
      <Table title="event-disputes" heads={heads}>
        {found.disputes.flatMap((dispute) =>
          dispute.steps.map((step) => (
            <tr key={`${dispute.dispute}/${step.step}`}>
              <th scope="row">{dispute.dispute}</th>
              <td>{dispute.statement}</td>
              <td>{stepOf(step)}</td>
              <td>{at(step.at_ms)}</td>
              <td class="wide-text">{step.text}</td>
              <td>{step.due}</td>
            </tr>
          )),
        )}
      </Table>
    </Card>
  );
}

/** Reasons stand in the ledger in English; what kind it is, is told in the language of the page. */
const LOST: [string, Key][] = [
  ["not needed", "vpp.loser.not_needed"],
  ["cut from", "vpp.loser.cut"],
  ["the price", "vpp.loser.price"],
  ["opted out", "vpp.loser.opted_out"],
  ["not active", "vpp.loser.not_active"],
  ["no contract", "vpp.loser.no_contract"],
  ["not proven", "vpp.loser.not_proven"],
  ["not under", "vpp.loser.not_under"],
  ["needs ", "vpp.loser.needs"],
];

function why(reason: string): string {
  if (language.value === "en") return reason;
  const known = LOST.find(([begin]) => reason.startsWith(begin));
  return `${say(known ? known[1] : "vpp.loser.other")} (${reason})`;
}

function Bids({ found }: { found: EventWhole }) {
  const heads = [{ text: say("vpp.bid") }, { text: say("vpp.operator") }, { text: say("vpp.offered"), number: true }, { text: say("vpp.price"), number: true }, { text: say("vpp.entry.at") }, { text: say("vpp.trace") }];
  return (
    <Card id="event-bids" title={say("vpp.bids")} note={found.price_cny_per_kwh !== null && say("vpp.cleared", { price: found.price_cny_per_kwh, short: kw(found.short_kw) })}>
      {found.bids.length === 0 ? (
        <p class="empty">{say("vpp.bids.none")}</p>
      ) : (
        <Table title="event-bids" heads={heads}>
          {found.bids.map((one) => (
            <tr key={one.bid}>
              <th scope="row">{one.bid}</th>
              <td>{one.operator}</td>
              <td class="number">
                {kw(one.kw)} <span class="faint">{say("vpp.count", { count: one.resources })}</span>
              </td>
              <td class="number">
                {one.price_cny_per_kwh} {say("vpp.per_kwh")}
              </td>
              <td>{at(one.at_ms)}</td>
              <td>
                <EntryLink number={one.entry} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {found.losers.length > 0 && (
        <>
          <h3>{say("vpp.losers")}</h3>
          <ul>
            {found.losers.map((one, index) => (
              <li key={index}>
                {one.bid} {one.resource ?? ""}: {why(one.reason)}
              </li>
            ))}
          </ul>
        </>
      )}
      {found.opt_outs.length > 0 && (
        <>
          <h3>{say("vpp.opt_outs")}</h3>
          <ul>
            {found.opt_outs.map((one, index) => (
              <li key={index}>
                {at(one.at_ms)} {one.resource}: {one.reason} <span class="faint">{say(one.in_time ? "vpp.in_time" : "vpp.too_late")}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}

function Course({ found }: { found: EventWhole }) {
  return (
    <Card id="event-course" title={say("vpp.course")}>
      <ol class="course">
        {found.course.map((step, index) => (
          <li key={index}>
            <b>{sayMaybe(`vpp.state.${step.state}`, step.state)}</b> <span class="faint">{at(step.at_ms)}</span> {step.award} {step.by_event} {step.reason}
          </li>
        ))}
      </ol>
    </Card>
  );
}

function PackCard({ found }: { found: EventWhole }) {
  const { pack } = found;
  return (
    <Card id="event-pack" title={say("vpp.pack")} note={sayMaybe(`vpp.pack.${pack.status}`, pack.status)}>
      <p>
        <b>{nameOf(pack, pack.pack)}</b> <Digest text={pack.digest} />
      </p>
      {pack.questions.length > 0 && (
        <>
          <h3>{say("vpp.questions")}</h3>
          <ul>
            {pack.questions.map((one) => (
              <li key={one.en}>{language.value === "zh" ? one.zh : one.en}</li>
            ))}
          </ul>
        </>
      )}
    </Card>
  );
}

function EntriesCard({ found }: { found: EventWhole }) {
  const told = useQuery<EventEntries>(`/vpp/events/${encodeURIComponent(found.event)}/entries?${asked("entries", SHOWN)}`, PAUSE_MS);
  return (
    <Card id="event-entries" title={say("vpp.entries")} note={found.head && say("vpp.head", { number: found.head.number, digest: found.head.digest.slice(0, 16) })}>
      <Answered of={told} height={160}>
        {(list) => (
          <>
            <EntryTable title="event-entries" entries={list.entries} />
            <Pager list="entries" name={say("vpp.entries")} total={list.total} size={SHOWN} timed />
          </>
        )}
      </Answered>
    </Card>
  );
}
