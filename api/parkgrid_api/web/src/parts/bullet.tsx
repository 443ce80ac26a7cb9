// One cluster against its targets: the bar is the output of the newest year, the marks are the targets of 2025 and 2030.

import { percent, scaledTo } from "../format";
import type { ClusterShape } from "../types";
import { figureOf } from "./cluster";
import { nameOf, say } from "../i18n";
import { ClusterNumber, noteOf } from "./cluster_number";

export function Bullet({ cluster, year: wanted }: { cluster: ClusterShape; year: number }) {
  const annual = figureOf(cluster, "annual_output");
  const [near, far] = [figureOf(cluster, "target_2025"), figureOf(cluster, "target_2030")];
  // Each on the scale of its own target: how far, not how large, is what is compared.
  const most = Math.max(1, far?.value ?? 0, annual?.value ?? 0);
  const at = (value: number | null | undefined): string => `${((value ?? 0) / most) * 100}%`;
  const target = figureOf(cluster, `target_${wanted}`)?.value;
  const share = annual?.value != null && target ? annual.value / target : null;
  const year = annual?.details.year;
  const text = `${nameOf(cluster, cluster.cluster)}: ${annual?.value == null ? "—" : scaledTo(annual.value, "亿元").join(" ")}, 2025 ${near?.value ?? "—"}, 2030 ${far?.value ?? "—"}`;
  return (
    <div class="bullet">
      <b>
        {nameOf(cluster, cluster.cluster)}
        {year != null && <span class="faint"> {year}</span>}
      </b>
      <div class="bullet-bar" role="img" aria-label={text} title={[annual, near, far].map((figure) => (figure ? noteOf(figure) : "")).join("\n\n")}>
        <span class="bullet-far" style={{ width: at(far?.value) }} />
        <span class="bullet-near" style={{ width: at(near?.value) }} />
        <span class="bullet-actual" style={{ width: at(annual?.value) }} />
        <span class="bullet-mark" style={{ left: at(near?.value) }} />
        <span class="bullet-mark dashed" style={{ left: at(far?.value) }} />
      </div>
      <span class="number">
        <ClusterNumber figure={annual} />
      </span>
      <span class="number faint small">{share === null ? "—" : say("clusters.share", { share: percent(share), year: wanted })}</span>
    </div>
  );
}
