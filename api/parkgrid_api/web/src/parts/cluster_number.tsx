// A figure of a cluster: its formula, sources and coverage are one hover (or one focus) away.

import { above0, below100, DASH, scaledTo } from "../format";
import { language, say } from "../i18n";
import type { ClusterFigureShape } from "../types";
import { Traced } from "./traced";

export function ClusterNumber({ figure, unit = true }: { figure: ClusterFigureShape | undefined; unit?: boolean }) {
  if (!figure) return <span class="num missing">{DASH}</span>;
  const note = noteOf(figure);
  if (figure.value === null) {
    return (
      <span class="num missing" title={note}>
        {DASH}
        <span class="hidden"> {note}</span>
      </span>
    );
  }
  const [number, shown] = scaledTo(figure.value, figure.unit);
  const traced = (
    <Traced address={figure.address} title={note} label={`${number} ${shown}. ${note}`}>
      <span class={`num ${figure.estimated_pct ? "doubtful" : ""}`}>
        {figure.bound === "at_least" ? "≥ " : ""}
        {number}
        {unit && shown && shown !== "1" && <span class="unit"> {shown}</span>}
      </span>
    </Traced>
  );
  if (figure.bound !== "metered_part" || figure.output_share_pct === null) return traced;
  return (
    <>
      {traced}
      <span class="basis" title={basisOf(figure)}>
        {say("clusters.basis", { share: `${figure.output_share_pct}\u202f%` })}
      </span>
    </>
  );
}

const basisOf = (figure: ClusterFigureShape): string => (language.value === "zh" ? figure.basis_zh : figure.basis);

export function noteOf(figure: ClusterFigureShape): string {
  const reason = figure.value === null ? (language.value === "zh" ? figure.unavailable_zh : figure.unavailable) : null;
  const parts = [
    reason,
    figure.formula,
    basisOf(figure) || null,
    figure.example ? say("clusters.example.why") : null,
    figure.sources.length ? `${say("source")}: ${figure.sources.join("; ")}` : null,
    figure.coverage_pct === null ? null : say("clusters.coverage", { share: below100(figure.coverage_pct) }),
    figure.estimated_pct ? say("clusters.estimated", { share: above0(figure.estimated_pct) }) : null,
    figure.revision !== null && figure.revision > 1 ? say("clusters.revision", { revision: figure.revision }) : null,
  ];
  return parts.filter(Boolean).join("\n");
}
