// One number with its unit, read down a column; what is missing is a dash with its reason, never 0.

import { DASH, scaledTo } from "./format";
import { say } from "./i18n";

interface Props {
  value: number | null | undefined;
  unit: string;
  /** Digits after the point, where the definition of the number says so. */
  digits?: number | null | undefined;
  why?: string | undefined;
  old?: boolean | undefined;
  estimated?: boolean | undefined;
}

export function Num({ value, unit, digits, why, old, estimated }: Props) {
  if (value === null || value === undefined || Number.isNaN(value)) {
    const reason = why ?? say("why.missing");
    return (
      <span class="num missing" title={reason}>
        {DASH}
        <span class="hidden"> {reason}</span>
      </span>
    );
  }
  const [number, shown] = scaledTo(value, unit, digits ?? null);
  return (
    <span class={`num ${old ? "old" : ""} ${estimated ? "doubtful" : ""}`} title={estimated ? (why ?? say("why.estimated")) : why}>
      {number}
      {shown && <span class="unit"> {shown}</span>}
    </span>
  );
}
