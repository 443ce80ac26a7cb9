// Baseline against metered energy by quarter hour, with what was moved shaded, and the same as a table.

import { say } from "../i18n";
import type { IntervalMoney, QuarterShape } from "../types";
import { Chart, type Line } from "./chart";
import { at, kwh, Table, VerdictMark, Yuan, ZONE } from "./vpp";

interface Props {
  quarters: QuarterShape[];
  to_ms: number;
  label: string;
}

export function QuarterChart({ quarters, to_ms, label }: Props) {
  const first = quarters[0];
  if (!first) return null;
  // A quarter hour is drawn as long as it lasts: the last one ends with the event.
  const drawn = (value: (one: QuarterShape) => number | null): (number | null)[] => [...quarters.map(value), value(quarters[quarters.length - 1] ?? first)];
  const metered = drawn((one) => one.metered_kwh);
  const baseline = drawn((one) => one.baseline_kwh);
  const lines: Line[] = [
    { key: "metered", name: say("vpp.metered"), ink: "load", values: metered, low: metered, high: baseline, stepped: true },
    { key: "baseline", name: say("vpp.baseline"), ink: "ink", values: baseline, dashed: true, stepped: true },
    { key: "target", name: say("vpp.target_line"), ink: "storage", values: drawn((one) => one.target_kwh), dashed: true, stepped: true },
  ];
  return <Chart at_ms={[...quarters.map((one) => one.at_ms), to_ms]} lines={lines} unit="kWh" zone={ZONE} from_ms={first.at_ms} to_ms={to_ms} height={220} label={label} />;
}

export function QuarterTable({ quarters, title }: { quarters: QuarterShape[]; title: string }) {
  const heads = [
    { text: say("vpp.quarter") },
    { text: say("vpp.promised"), number: true },
    { text: say("vpp.baseline"), number: true },
    { text: say("vpp.metered"), number: true },
    { text: say("vpp.moved"), number: true },
    { text: say("vpp.verdict") },
  ];
  return (
    <Table title={title} heads={heads}>
      {quarters.map((one) => (
        <tr key={one.at_ms}>
          <td>{at(one.at_ms)}</td>
          <td class="number">{kwh(one.award_kwh)}</td>
          <td class="number">{kwh(one.baseline_kwh)}</td>
          <td class="number">{kwh(one.metered_kwh)}</td>
          <td class="number">{kwh(one.moved_kwh)}</td>
          <td>
            <VerdictMark verdict={one.verdict} why={one.unsure} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** The intervals of the rules, exact to the last place. */
export function IntervalTable({ intervals, status, title }: { intervals: IntervalMoney[]; status: string | null; title: string }) {
  const heads = [
    { text: say("vpp.interval") },
    { text: say("vpp.promised"), number: true },
    { text: say("vpp.moved"), number: true },
    { text: say("vpp.counted"), number: true },
    { text: say("vpp.payment"), number: true },
    { text: say("vpp.penalty"), number: true },
    { text: say("vpp.sure"), number: true },
  ];
  return (
    <Table title={title} heads={heads}>
      {intervals.map((one) => (
        <tr key={one.at_ms}>
          <td>{at(one.at_ms)}</td>
          <td class="number">{one.award_kwh} kWh</td>
          <td class="number">{one.response_kwh} kWh</td>
          <td class="number">{one.counted_kwh} kWh</td>
          <td class="number">
            <Yuan amount={one.payment_cny} status={status} />
          </td>
          <td class="number">
            <Yuan amount={one.penalty_cny} status={status} />
          </td>
          <td class="number">{one.quarters}</td>
        </tr>
      ))}
    </Table>
  );
}
