// What the views of the virtual power plant have in common: tables, money with its stamp, verdicts, links.

import type { ComponentChildren } from "preact";
import { energy, money, moment, power, together, whole } from "../format";
import { viewPatch, type Patch } from "../router";
import { RouterLink } from "../router_link";
import { say, sayMaybe } from "../i18n";
import type { DisputeStep, EntryShape, MoneyShape, VerdictCounts } from "../types";

/** The pilot is one district's: its clock is that of Shenzhen, whatever park is looked at. */
export const ZONE = "Asia/Shanghai";
export const VERDICTS = ["delivered", "partial", "not_delivered", "unverified"] as const;
/** Told by shape as well as by word. */
const MARKS: Record<string, string> = { delivered: "●", partial: "◐", not_delivered: "○", unverified: "?" };

export const at = (ms: number): string => moment(ms, ZONE);
export const span = (from: number, to: number): string => `${at(from)} – ${moment(to, ZONE).slice(11)}`;
export const kw = (value: number | null): string => (value === null ? "—" : together(power(value)));
export const kwh = (value: number | null): string => (value === null ? "—" : together(energy(value)));

/** A step of a dispute, and whether it came after its day. */
export function stepOf({ step, late }: Pick<DisputeStep, "step" | "late">): string {
  const name = say(`vpp.step.${step}`);
  return late ? say("vpp.step.late", { step: name }) : name;
}

/** Within this view: everything that it was narrowed to is named anew. */
export const here = (more: Patch = {}): Patch => viewPatch("vpp", more);

interface Head {
  text: string;
  number?: boolean;
}

export function Card({ id, title, note, children }: { id: string; title: string; note?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section class="card full" aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {note && <span class="faint">{note}</span>}
      </div>
      {children}
    </section>
  );
}

export function Table({ title, heads, children }: { title: string; heads: Head[]; children: ComponentChildren }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-labelledby={title}>
      <table>
        <thead>
          <tr>
            {heads.map((head, index) => (
              <th key={index} class={head.number ? "number wrap" : ""}>
                {head.text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

/** Money that nobody may take for paid money. */
export function Stamp({ status }: { status: string | null }) {
  if (status !== "simulation") return null;
  return (
    <span class="badge stamp" title={say("vpp.simulation.why")}>
      {say("vpp.simulation")}
    </span>
  );
}

/** An amount of yuan, with its stamp beside it. */
export function Yuan({ amount, status }: { amount: string | null; status: string | null }) {
  if (amount === null) return <>—</>;
  return (
    <span class="yuan">
      {money(Number(amount))} <span class="unit">{say("vpp.yuan")}</span> <Stamp status={status} />
    </span>
  );
}

/** Sums of statements: simulations apart from what may be paid. */
export function Sums({ sums }: { sums: MoneyShape[] }) {
  if (sums.length === 0) return <>—</>;
  return (
    <>
      {sums.map((one) => (
        <span key={one.status} class="sum">
          <Yuan amount={one.net_cny} status={one.status} />
        </span>
      ))}
    </>
  );
}

export function VerdictMark({ verdict, why }: { verdict: string | null; why: string }) {
  if (verdict === null) return <span class="faint">{say("vpp.verdict.none")}</span>;
  const reason = why && sayMaybe(`vpp.unsure.${why}`, why);
  return (
    <span class={`verdict ${verdict}`}>
      <span aria-hidden="true">{MARKS[verdict]}</span> {sayMaybe(`vpp.verdict.${verdict}`, verdict)}
      {reason && <span class="faint"> · {reason}</span>}
    </span>
  );
}

/** Counts by verdict; with words where there is room. */
export function Verdicts({ counts, words = false }: { counts: VerdictCounts | null; words?: boolean }) {
  if (counts === null) return <>—</>;
  return (
    <span class="verdicts">
      {VERDICTS.map((name) => (
        <span key={name} class={`verdict ${name}`} title={say(`vpp.verdict.${name}`)}>
          <span aria-hidden="true">{MARKS[name]}</span> <span class={words ? "faint" : "hidden"}>{say(`vpp.verdict.${name}`)}</span> {whole(counts[name])}
        </span>
      ))}
    </span>
  );
}

/** The way to where it stands in the ledger. */
export function EntryLink({ number }: { number: number | null }) {
  if (number === null) return <>—</>;
  return (
    <RouterLink to={here({ entry: String(number) })} title={say("vpp.entry.open")}>
      {say("vpp.entry", { number })}
    </RouterLink>
  );
}

/** Entries of the ledger; `subject` says what each is about. */
export function EntryTable({ title, entries, subject = false }: { title: string; entries: EntryShape[]; subject?: boolean }) {
  const about = subject ? [{ text: say("vpp.entry.subject") }] : [];
  const heads = [{ text: say("vpp.trace") }, { text: say("vpp.entry.kind") }, ...about, { text: say("vpp.entry.at") }, { text: say("vpp.entry.by") }, { text: say("vpp.entry.digest") }];
  return (
    <Table title={title} heads={heads}>
      {entries.map((one) => (
        <tr key={one.number}>
          <td>
            <EntryLink number={one.number} />
          </td>
          <td>{sayMaybe(`vpp.entry.${one.kind}`, one.kind)}</td>
          {subject && <td class="wide-text">{one.kind === "rules" ? <Digest text={one.subject} /> : one.subject}</td>}
          <td>{at(one.at_ms)}</td>
          <td>{one.by}</td>
          <td>
            <Digest text={one.digest} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

export function Back() {
  return (
    <p class="small">
      <RouterLink to={here()}>‹ {say("vpp.back")}</RouterLink>
    </p>
  );
}

export function Digest({ text }: { text: string }) {
  return (
    <code class="digest" title={text}>
      {text.slice(0, 16)}…
    </code>
  );
}
