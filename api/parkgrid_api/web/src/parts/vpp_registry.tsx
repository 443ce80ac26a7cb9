// Who and what is in the pilot: resources with the phase they have come to, and the operators.

import { Answered, useQuery } from "../use_query";
import { RouterLink } from "../router_link";
import { parks } from "../state";
import { nameOf, say, sayMaybe } from "../i18n";
import type { CapabilityShape, OperatorList, ResourceList, ResourceShape } from "../types";
import { Card, here, kw, Sums, Table } from "./vpp";

const SHOWN = 200;

export function ResourceTable() {
  const asked = useQuery<ResourceList>(`/vpp/resources?limit=${SHOWN}`, 30_000);
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
    <Card id="vpp-resources" title={say("vpp.resources")} note={asked.data && say("vpp.count", { count: asked.data.total })}>
      <Answered of={asked} height={160} empty={(list) => (list.resources.length ? null : say("vpp.resources.none"))}>
        {(list) => (
          <>
            <Table title="vpp-resources" heads={heads}>
              {list.resources.map((one) => (
                <Row key={one.resource} one={one} />
              ))}
            </Table>
            {list.total > list.resources.length && <p class="small faint">{say("vpp.more", { count: list.total - list.resources.length })}</p>}
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

/** What can be adjusted in this quarter hour, for how long, and what limits it. */
export function AdjustableTable() {
  const asked = useQuery<CapabilityShape>("/vpp/capability", 60_000);
  const heads = [
    { text: say("vpp.funnel.of") },
    { text: say("vpp.up"), number: true },
    { text: say("vpp.holds"), number: true },
    { text: say("vpp.limit") },
    { text: say("vpp.down"), number: true },
    { text: say("vpp.holds"), number: true },
    { text: say("vpp.limit") },
  ];
  return (
    <Card id="vpp-adjustable" title={say("vpp.adjustable")}>
      <Answered of={asked} height={120} empty={(found) => (found.of.length ? null : say("vpp.adjustable.none"))}>
        {(found) => (
          <Table title="vpp-adjustable" heads={heads}>
            {found.of.map((one) => (
              <tr key={`${one.kind}/${one.id}`}>
                <th scope="row">
                  {one.kind === "all" ? say("vpp.funnel.all") : nameOf(one, one.id)} <span class="faint">{one.kind === "all" ? "" : sayMaybe(`vpp.kind.${one.kind}`, one.kind)}</span>
                </th>
                {[one.up, one.down].flatMap((side, index) => [
                  <td key={`kw${index}`} class="number">
                    {kw(side.kw[0] ?? null)}
                  </td>,
                  <td key={`minutes${index}`} class="number">
                    {say("vpp.minutes", { minutes: side.minutes[0] ?? 0 })}
                  </td>,
                  <td key={`limit${index}`}>{sayMaybe(`vpp.limit.${side.limit[0]}`, side.limit[0] ?? "")}</td>,
                ])}
              </tr>
            ))}
          </Table>
        )}
      </Answered>
    </Card>
  );
}

export function OperatorTable() {
  const asked = useQuery<OperatorList>("/vpp/operators?limit=200", 30_000);
  const heads = [
    { text: say("vpp.operator") },
    { text: say("vpp.resources"), number: true },
    { text: say("vpp.up"), number: true },
    { text: say("vpp.down"), number: true },
    { text: say("vpp.operator.events"), number: true },
    { text: say("vpp.net"), number: true },
  ];
  return (
    <Card id="vpp-operators" title={say("vpp.operators")} note={asked.data && say("vpp.year", { year: asked.data.year })}>
      <Answered of={asked} height={120} empty={(list) => (list.operators.length ? null : say("vpp.operators.none"))}>
        {(list) => (
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
        )}
      </Answered>
    </Card>
  );
}
