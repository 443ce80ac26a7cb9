// One park: the answer, the flow of this moment, the day, the month, and whether it can be trusted.

import { Answer } from "../answer";
import { useQuery, type Query } from "../use_query";
import { DayChart } from "../day";
import { Flow } from "../flow";
import { RouterLink } from "../router_link";
import { MonthSoFar } from "../parts/month";
import { Gateways, Refused } from "../oversight";
import { DaySankey } from "../parts/sankey";
import { chosenDay, DayBar } from "../parts/day_choice";
import { DcStrip } from "../parts/dc_strip";
import { viewPatch } from "../router";
import { chosen, day } from "../state";
import { Today } from "../today";
import type { Day } from "../types";
import { say } from "../i18n";

export function ParkView() {
  const shown = useShownDay();
  return (
    <>
      <Answer />
      <DayBar />
      <div class="board">
        <Flow>
          <DcStrip />
        </Flow>
        <Today of={shown} />
        <DayChart of={shown} />
        <DaySankey of={shown} />
        <MonthSoFar />
        <Gateways />
        <Refused />
      </div>
      <p class="onward">
        <RouterLink to={viewPatch("devices")}>{say("onward.devices")}</RouterLink>
        <RouterLink to={viewPatch("time")}>{say("onward.time")}</RouterLink>
        <RouterLink to={viewPatch("quality")}>{say("onward.quality")}</RouterLink>
      </p>
    </>
  );
}

/** The chosen day, asked for once; without one the newest day as it goes on. */
function useShownDay(): Query<Day> {
  const wanted = chosenDay();
  const other = useQuery<Day>(wanted === null ? null : `/parks/${chosen.value}/day?date=${wanted}`);
  return wanted === null ? { data: day.value, problem: null, at_ms: Date.now() } : other;
}
