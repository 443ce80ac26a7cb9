// Who and what is in the pilot: resources with the phase they have come to, and the operators.

import { Answered, useQuery } from "../use_query";
import { RouterLink } from "../router_link";
import { parks } from "../state";
import { nameOf, say, sayMaybe } from "../i18n";
import type { OperatorList, ResourceList, ResourceShape } from "../types";
import { asked, Pager } from "./pager";
import { Card, here, kw, Sums, Table } from "./vpp";

const SHOWN = 20;

export function ResourceTable() {
  const told = useQuery<ResourceList>(`/vpp/resources?${asked("resources", SHOWN)}`, 30_000);
  const heads = [
    { text: say("vpp.resource") },
    { text: say("park") },
    { text: say("vpp.operator") },
    { text: say("vpp.phase") },
    { text: say("vpp.up"), number: true },
    { text: say("vpp.down"), number: true },
    { text: say("vpp.notice"), number: true },
    { text: say("vpp.provenance") },
    { text: say("vpp.baseline") },
  ];
  return (
    <Card id="vpp-resources" title={say("vpp.resources")} note={told.data && say("vpp.count", { count: told.data.total })}>
      <Answered of={told} height={160} empty={(list) => (list.resources.length ? null : say("vpp.resources.none"))}>
        {(list) => (
          <>
            <Table title="vpp-resources" heads={heads}>
              {list.resources.map((one) => (
                <Row key={one.resource} one={one} />
              ))}
            </Table>
            <Pager list="resources" name={say("vpp.resources")} total={list.total} size={SHOWN} />
          </>
        )}
      </Answered>
    </Card>
  );
}

function Row({ one }: { one: ResourceShape }) {
  const park = parks.value?.find((known) => known.park === one.park);
  const operators = one.contracts.filter((contract) => contract.in_force).map((contract) => contract.operator);
  const last = one.phases[one.phases.length - 1];
  const { eligibility } = one;
  return (
    <tr>
      <th scope="row">
        {nameOf(one, one.resource)} <span class="faint">{sayMaybe(`vpp.resource.${one.kind}`, one.kind)}</span>
      </th>
      <td>{nameOf(park, one.park)}</td>
      <td>{[...new Set(operators)].join(say("list.join")) || "—"}</td>
      <td>{last ? `${sayMaybe(`vpp.phase.${last.phase}`, last.phase)} ${last.on}` : "—"}</td>
      <td class="number">{kw(one.up_kw)}</td>
      <td class="number">{kw(one.down_kw)}</td>
      <td class="number">{say("vpp.minutes", { minutes: one.notice_min })}</td>
      <td>{sayMaybe(`vpp.provenance.${one.provenance}`, one.provenance)}</td>
      <td>
        {sayMaybe(`vpp.baseline.${one.baseline}`, one.baseline)}
        {eligibility && <span class={eligibility.passes ? "faint" : "alarm"}> {say("vpp.rrmse", { rrmse: eligibility.rrmse_pct, bias: eligibility.bias_pct })}</span>}
      </td>
    </tr>
  );
}

export function OperatorTable() {
  const told = useQuery<OperatorList>(`/vpp/operators?${asked("operators", SHOWN)}`, 30_000);
  const heads = [
    { text: say("vpp.operator") },
    { text: say("vpp.resources"), number: true },
    { text: say("vpp.up"), number: true },
    { text: say("vpp.down"), number: true },
    { text: say("vpp.operator.events"), number: true },
    { text: say("vpp.net"), number: true },
  ];
  return (
    <Card id="vpp-operators" title={say("vpp.operators")} note={told.data && say("vpp.year", { year: told.data.year })}>
      <Answered of={told} height={120} empty={(list) => (list.operators.length ? null : say("vpp.operators.none"))}>
        {(list) => (
          <>
            <Table title="vpp-operators" heads={heads}>
              {list.operators.map((one) => (
                <tr key={one.operator}>
                  <th scope="row">
                    <RouterLink to={here({ operator: one.operator })}>{nameOf(one, one.operator)}</RouterLink>
                  </th>
                  <td class="number">{one.resources}</td>
                  <td class="number">{kw(one.up_kw)}</td>
                  <td class="number">{kw(one.down_kw)}</td>
                  <td class="number">{one.events}</td>
                  <td class="number">
                    <Sums sums={one.money} />
                  </td>
                </tr>
              ))}
            </Table>
            <Pager list="operators" name={say("vpp.operators")} total={list.total} size={SHOWN} />
          </>
        )}
      </Answered>
    </Card>
  );
}
