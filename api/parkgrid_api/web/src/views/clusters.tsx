// The industrial clusters: output against the targets of 2025 and 2030, the energy beside it, each figure with its
// source.

import { Answered, useQuery } from "../use_query";
import { percent, whole } from "../format";
import { Bullet } from "../parts/bullet";
import { figureOf } from "../parts/cluster";
import { ClusterNumber } from "../parts/cluster_number";
import { paceOf, type Pace } from "../parts/cluster_pace";
import { go, param } from "../router";
import { language, nameOf, say } from "../i18n";
import type { ClusterShape, ClustersShape } from "../types";

const numbersOf = (year: number): string[] => ["quarter_output", "cumulative_growth", `required_growth_${year}`, "energy", "intensity", "intensity_equivalent", "pv_share", "storage_share"];

export function ClustersView() {
  const wanted = param("quarter");
  const asked = useQuery<ClustersShape>(`/clusters${wanted ? `?quarter=${wanted}` : ""}`, 300_000);
  return (
    <Answered of={asked} height={480} empty={({ clusters }) => (clusters.length ? null : say("clusters.empty"))}>
      {(found) => <All found={found} />}
    </Answered>
  );
}

function All({ found }: { found: ClustersShape }) {
  const planned = found.clusters.filter((one) => figureOf(one, "target_2030")?.value != null);
  const others = found.clusters.filter((one) => !planned.includes(one));
  const pace = paceOf(planned);
  const year = pace?.year ?? 2025;
  const example = found.clusters.some((one) => one.figures.some((figure) => figure.example));
  return (
    <>
      <p class="answer">
        {sentence(found, planned, pace)}{" "}
        {example && (
          <span class="badge" title={say("clusters.example.why")}>
            {say("clusters.example")}
          </span>
        )}
      </p>
      <div class="board">
        <section class="card full" aria-labelledby="bullets-title">
          <div class="card-head">
            <h2 id="bullets-title">{language.value === "zh" ? found.plan_zh : found.plan_en}</h2>
            <ul class="legend">
              <li>
                <span class="bullet-key actual" aria-hidden="true" /> {say("clusters.actual")}
              </li>
              <li>
                <span class="bullet-key near" aria-hidden="true" /> {say("clusters.target", { year: 2025 })}
              </li>
              <li>
                <span class="bullet-key far" aria-hidden="true" /> {say("clusters.target", { year: 2030 })}
              </li>
            </ul>
            <QuarterChoice quarter={found.quarter} />
          </div>
          {planned.map((one) => (
            <Bullet key={one.cluster} cluster={one} year={year} />
          ))}
          {others.length > 0 && (
            <p class="small faint">
              {say("clusters.potential")} {others.map((one) => nameOf(one, one.cluster)).join(say("list.join"))}
            </p>
          )}
        </section>
        <Numbers clusters={found.clusters} year={year} />
      </div>
    </>
  );
}

function sentence(found: ClustersShape, planned: ClusterShape[], pace: Pace | null): string {
  if (!pace || pace.count === 0) return say("clusters.answer.none", { quarter: found.quarter });
  const slowest = planned.find((one) => one.cluster === pace.slowest);
  const output = say(pace.of === null ? "clusters.answer" : "clusters.answer.of", {
    count: pace.count,
    of: pace.of ?? "",
    output: whole(Math.round(pace.output)),
    year: pace.year,
    share: pace.target ? percent(pace.output / pace.target) : "—",
  });
  if (!slowest || pace.growth === null) return output + say("answer.end");
  return output + say("answer.turn") + say("clusters.answer.slowest", { slowest: nameOf(slowest, slowest.cluster), growth: percent(pace.growth / 100), year: pace.year }) + say("answer.end");
}

function QuarterChoice({ quarter }: { quarter: string }) {
  const [year, number] = [Number(quarter.slice(0, 4)), Number(quarter.slice(6))];
  const other = (by: number): string => {
    const index = year * 4 + number - 1 + by;
    return `${Math.floor(index / 4)}-Q${(index % 4) + 1}`;
  };
  return (
    <span class="day-choice" role="group" aria-label={say("clusters.quarter")}>
      <button type="button" aria-label={say("clusters.before")} onClick={() => go({ quarter: other(-1) }, "replace")}>
        ‹
      </button>
      <b>{quarter}</b>
      <button type="button" aria-label={say("clusters.after")} onClick={() => go({ quarter: other(1) }, "replace")}>
        ›
      </button>
    </span>
  );
}

function Numbers({ clusters, year }: { clusters: ClusterShape[]; year: number }) {
  const names = numbersOf(year).filter((name) => clusters.some((one) => figureOf(one, name)));
  const title = (name: string): string => {
    const figure = clusters.map((one) => figureOf(one, name)).find(Boolean);
    return figure ? `${language.value === "zh" ? figure.name_zh : figure.name_en}` : name;
  };
  return (
    <section class="card full" aria-labelledby="numbers-title">
      <h2 id="numbers-title">{say("clusters.numbers")}</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="numbers-title">
        <table>
          <thead>
            <tr>
              <th>{say("cluster")}</th>
              {names.map((name) => (
                <th key={name} class="number wrap">
                  {title(name)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {clusters.map((one) => (
              <tr key={one.cluster}>
                <th scope="row" title={one.source}>
                  {nameOf(one, one.cluster)}
                </th>
                {names.map((name) => (
                  <td key={name} class="number">
                    <ClusterNumber figure={figureOf(one, name)} />
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p class="small faint">{say("clusters.hint")}</p>
    </section>
  );
}
