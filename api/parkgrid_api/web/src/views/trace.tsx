// Where a figure comes from: its definition, what went into it, the registers behind it, and the same figure computed
// again from them.

import { useEffect, useRef } from "preact/hooks";
import { Answered, useQuery } from "../use_query";
import { above0, below100, scaledTo } from "../format";
import { go, param } from "../router";
import { language, nameOf, say } from "../i18n";
import type { TraceShape } from "../types";

export function TraceDialog() {
  const address = param("trace") ?? "";
  const box = useRef<HTMLDialogElement>(null);
  const asked = useQuery<TraceShape>(address ? `/trace/${address.split("/").map(encodeURIComponent).join("/")}` : null);
  useEffect(() => {
    box.current?.showModal();
  }, []);
  const close = (): void => go({ trace: null }, "replace");
  return (
    <dialog ref={box} aria-label={say("trace.title")} onClose={close} onClick={(event) => event.target === box.current && close()}>
      <div class="card-head">
        <h2>{say("trace.title")}</h2>
        <button type="button" aria-label={say("trace.close")} onClick={close}>
          ×
        </button>
      </div>
      <Answered of={asked} height={240}>
        {(found) => <Told found={found} />}
      </Answered>
    </dialog>
  );
}

/** A trace tells a number in full: it is compared, not read across. */
function full(value: number | string | null, unit: string): string {
  if (value === null) return "—";
  const number = Number(value);
  return `${Number.isFinite(number) ? number.toLocaleString("en", { maximumFractionDigits: 6, useGrouping: false }) : value} ${unit === "1" ? "" : unit}`.trim();
}

function Told({ found }: { found: TraceShape }) {
  const { definition } = found;
  const marks = found.details[language.value === "zh" ? "marks_zh" : "marks_en"];
  const basis = language.value === "zh" ? found.basis_zh : found.basis;
  return (
    <>
      <p class="big">
        {nameOf(definition, definition.name ?? "")}: {full(found.published, found.unit)}
      </p>
      <p class={found.equal === false ? "alarm" : ""}>
        {(language.value === "zh" && found.unavailable_zh) || (found.unavailable ?? say(found.equal ? "trace.equal" : "trace.different", { value: full(found.recomputed, found.unit) }))}
      </p>
      <dl class="pairs">
        {definition.formula && <Pair name={say("trace.formula")} text={definition.formula} />}
        {basis && <Pair name={say("trace.basis")} text={basis} />}
        {found.coverage_pct !== null && <Pair name={say(basis ? "trace.coverage.metered" : "trace.coverage")} text={below100(found.coverage_pct)} />}
        {(found.estimated_pct ?? 0) > 0 && <Pair name={say("trace.estimated")} text={above0(found.estimated_pct ?? 0)} />}
        {marks && <Pair name={say("trace.marks")} text={String(marks)} />}
        {definition.source && <Pair name={say("source")} text={definition.source} />}
        <Pair name={say("trace.address")} text={found.address} />
      </dl>
      {found.inputs.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label={say("trace.inputs")}>
          <table>
            <thead>
              <tr>
                <th>{say("trace.inputs")}</th>
                <th class="number">{say("trace.value")}</th>
                <th class="number">{say("trace.intervals")}</th>
                <th>{say("trace.registers")}</th>
              </tr>
            </thead>
            <tbody>
              {found.inputs.map((input) => (
                <tr key={input.name}>
                  <th scope="row" class="code">
                    {input.name}
                  </th>
                  <td class="number">{input.value === null ? "—" : scaledTo(input.value, input.unit).join(" ")}</td>
                  <td class="number">{input.known === null ? "—" : `${input.known} / ${input.count ?? "—"}`}{(input.estimated ?? 0) > 0 && ` (${say("trace.of_them_estimated", { count: input.estimated ?? 0 })})`}</td>
                  <td class="code wrap">{(input.registers ?? []).join(language.value === "zh" ? "、" : ", ")}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

function Pair({ name, text }: { name: string; text: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="plain">{text}</dd>
    </div>
  );
}
