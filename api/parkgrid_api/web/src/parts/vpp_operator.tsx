// The operator's own side: which calls it has, what it was awarded, what it earned. "Own" is the operator of the address.

import { Answered, useQuery } from "../use_query";
import { RouterLink } from "../router_link";
import { nameOf, say, sayMaybe } from "../i18n";
import type { Earning, Invitation, OperatorSide } from "../types";
import { asked as pageAsked, Pager } from "./pager";
import { CapabilityCards } from "./vpp_capability";
import { at, Back, Card, EntryLink, here, kw, span, Sums, Table, Yuan } from "./vpp";

const SHOWN = 20;

export function OperatorView({ operator }: { operator: string }) {
  const asked = useQuery<OperatorSide>(`/vpp/operators/${encodeURIComponent(operator)}?${pageAsked("own", SHOWN)}`, 10_000);
  return (
    <Answered of={asked} height={480}>
      {(found) => (
        <>
          <p class="answer">
            {say("vpp.operator.answer", { name: nameOf(found, found.operator), resources: found.resources, up: kw(found.up_kw), down: kw(found.down_kw) }) + say("answer.end")}
          </p>
          <Back />
          <div class="board">
            <Earned found={found} />
            <CapabilityCards operator={operator} />
            <Invitations rows={found.invitations} />
            <Earnings rows={found.earnings} />
            <Pager list="own" name={say("vpp.invitations")} total={Math.max(found.invitations_total, found.earnings_total)} size={SHOWN} timed />
          </div>
        </>
      )}
    </Answered>
  );
}

function Earned({ found }: { found: OperatorSide }) {
  return (
    <Card id="operator-year" title={say("vpp.year", { year: found.year })}>
      <dl class="pairs">
        <div>
          <dt>{say("vpp.operator.events")}</dt>
          <dd>{found.events}</dd>
        </div>
        <div>
          <dt>{say("vpp.net")}</dt>
          <dd>
            <Sums sums={found.money} />
          </dd>
        </div>
        {found.earned.flatMap((one) => [
          <div key={`${one.status}-operator`}>
            <dt>{say("vpp.operator_part")}</dt>
            <dd>
              <Yuan amount={one.operator_part_cny} status={one.status} />
            </dd>
          </div>,
          <div key={`${one.status}-user`}>
            <dt>{say("vpp.user_part")}</dt>
            <dd>
              <Yuan amount={one.user_part_cny} status={one.status} />
            </dd>
          </div>,
        ])}
      </dl>
    </Card>
  );
}

function Invitations({ rows }: { rows: Invitation[] }) {
  const heads = [
    { text: say("vpp.event") },
    { text: say("vpp.time") },
    { text: say("vpp.state") },
    { text: say("vpp.bids_until") },
    { text: say("vpp.target"), number: true },
    { text: say("vpp.offered"), number: true },
    { text: say("vpp.awarded"), number: true },
  ];
  return (
    <Card id="operator-invitations" title={say("vpp.invitations")}>
      {rows.length === 0 ? (
        <p class="empty">{say("vpp.events.none")}</p>
      ) : (
        <Table title="operator-invitations" heads={heads}>
          {rows.map((one) => (
            <tr key={one.event}>
              <th scope="row">
                <RouterLink to={here({ event: one.event })}>{nameOf(one, one.event)}</RouterLink> <span class="faint">{say(one.direction === "shave" ? "vpp.shave" : "vpp.fill")}</span>
              </th>
              <td>{span(one.from_ms, one.to_ms)}</td>
              <td>{sayMaybe(`vpp.state.${one.state}`, one.state)}</td>
              <td>
                {at(one.bids_until_ms)} {one.takes_bids && <b>{say("vpp.takes_bids")}</b>}
              </td>
              <td class="number">{kw(one.target_kw)}</td>
              <td class="number">{kw(one.bid_kw)}</td>
              <td class="number">{kw(one.awarded_kw)}</td>
            </tr>
          ))}
        </Table>
      )}
    </Card>
  );
}

function Earnings({ rows }: { rows: Earning[] }) {
  const heads = [
    { text: say("vpp.event") },
    { text: say("vpp.statement") },
    { text: say("vpp.net"), number: true },
    { text: say("vpp.operator_part"), number: true },
    { text: say("vpp.user_part"), number: true },
    { text: say("vpp.trace") },
  ];
  return (
    <Card id="operator-earnings" title={say("vpp.earnings")}>
      {rows.length === 0 ? (
        <p class="empty">{say("vpp.earnings.none")}</p>
      ) : (
        <Table title="operator-earnings" heads={heads}>
          {rows.map((one) => (
            <tr key={one.statement}>
              <th scope="row">
                <RouterLink to={here({ event: one.event })}>{nameOf(one, one.event)}</RouterLink>
              </th>
              <td>{one.statement}</td>
              {[one.net_cny, one.operator_part_cny, one.user_part_cny].map((amount, index) => (
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
      )}
    </Card>
  );
}
