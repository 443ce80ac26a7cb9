// The district's day in numbers: what its registers gained, and whether the data can be trusted.

import { useQuery, type Query } from "../use_query";
import { DASH, whole } from "../format";
import { RouterLink } from "../router_link";
import { Num } from "../number";
import { viewPatch } from "../router";
import { Energies, Shares, useDistrictShares } from "../today";
import type { Completeness, Day, ParkNow, Quarantine } from "../types";
import { say } from "../i18n";

export function DistrictToday({ parks, day, complete }: { parks: ParkNow[]; day: Day | null; complete: Query<Completeness>[] }) {
  const shares = useDistrictShares(day?.date ?? null);
  return (
    <section class="card half district-today" aria-labelledby="today-title">
      <div class="card-head">
        <h2 id="today-title">{say("today")}</h2>
        <span class="faint">{day?.date ?? ""}</span>
      </div>
      {day ? (
        <div class="district-figures">
          <div>
            <Shares of={shares} />
            <Trust parks={parks} complete={complete} />
          </div>
          <Energies shown={day} />
        </div>
      ) : (
        <div class="skeleton district-waits" />
      )}
    </section>
  );
}

function Trust({ parks, complete }: { parks: ParkNow[]; complete: Query<Completeness>[] }) {
  const refused = useQuery<Quarantine>("/quarantine?limit=1", 15_000).data;
  const gateways = parks.reduce((sum, one) => sum + one.gateways, 0);
  const online = parks.reduce((sum, one) => sum + one.gateways_online, 0);
  const score = scoreOf(complete);
  return (
    <dl class="energies">
      <div>
        <dt>
          <RouterLink to={viewPatch("quality")}>{say("district.complete")}</RouterLink>
        </dt>
        <dd>
          <Num value={score === null ? null : Math.floor(score * 10) / 10} unit="%" why={say(score === null ? "district.complete.none" : "district.complete.why")} />
        </dd>
      </div>
      <div>
        <dt>{say("district.online")}</dt>
        <dd class={online < gateways ? "alarm" : ""}>
          {online < gateways ? "○ " : ""}
          {say("district.of", { online, gateways })}
        </dd>
      </div>
      <div title={say("quarantine.span")}>
        <dt>{say("quarantine.title")}</dt>
        <dd>{refused ? whole(refused.total) : DASH}</dd>
      </div>
    </dl>
  );
}

/** Every register weighs the same, as within a park. A park that is not metered today says nothing yet. */
function scoreOf(complete: Query<Completeness>[]): number | null {
  const days = complete.flatMap((one) => one.data?.days ?? []).filter((day) => day.coverage_pct !== null);
  const registers = days.reduce((sum, day) => sum + day.registers, 0);
  return registers ? days.reduce((sum, day) => sum + (day.coverage_pct ?? 0) * day.registers, 0) / registers : null;
}
