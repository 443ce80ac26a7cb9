// One park: the answer, the flow of this moment, the day, the month, and whether it can be trusted.

import { Answer } from "../answer";
import { DayChart } from "../day";
import { Flow } from "../flow";
import { LinkTo } from "../link_to";
import { MonthSoFar } from "../parts/month";
import { Gateways, Refused } from "../oversight";
import { DaySankey } from "../parts/sankey";
import { DcStrip } from "../parts/dc_strip";
import { viewPatch } from "../router";
import { Today } from "../today";
import { say } from "../words";

export function ParkView() {
  return (
    <>
      <Answer />
      <div class="board">
        <Flow>
          <DcStrip />
        </Flow>
        <Today />
        <DayChart />
        <DaySankey />
        <MonthSoFar />
        <Gateways />
        <Refused />
      </div>
      <p class="onward">
        <LinkTo to={viewPatch("devices")}>{say("onward.devices")}</LinkTo>
        <LinkTo to={viewPatch("time")}>{say("onward.time")}</LinkTo>
        <LinkTo to={viewPatch("quality")}>{say("onward.quality")}</LinkTo>
      </p>
    </>
  );
}
