// A day that the server does not give: one that lies before all data has no readings, anything else is said as it is.

import { Refusal } from "../use_query";
import type { ProblemShape } from "../types";
import { say } from "../i18n";
import { chosenDay } from "./day_choice";

export function DayRefused({ problem }: { problem: ProblemShape }) {
  const day = chosenDay();
  return problem.status === 422 && day !== null ? <p class="empty">{say("day.none", { day })}</p> : <Refusal problem={problem} />;
}
