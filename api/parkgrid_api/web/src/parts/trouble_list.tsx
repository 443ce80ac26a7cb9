// What is out of order, in words: what, since when, what it means for the figures below, and what goes on by itself.

import { age, clockSeconds, isoDay, moment, percent } from "../format";
import { bilingualName } from "../bilingual_name";
import { causes, moment_ms, parks, server_ms, zoneOf } from "../state";
import { concernsAll, isOnItsWay, type Cause } from "../trouble";
import { language, nameOf, say, sayMaybe } from "../i18n";

const SHOWN = 6;

/** The instant since when, with the day where it is not today's. */
export function since(cause: Cause): string {
  if (cause.since_ms === null) return "";
  const zone = zoneOf(cause.park);
  return isoDay(cause.since_ms, zone) === isoDay(moment_ms(), zone) ? clockSeconds(cause.since_ms, zone) : moment(cause.since_ms, zone);
}

/** By the clock that told since when: the server's of what it names, else the page's own. */
function ageOf(cause: Cause): string {
  const now = cause.trouble ? server_ms() : moment_ms();
  return age(Math.max(0, (now - (cause.since_ms ?? now)) / 1000));
}

function valuesOf(cause: Cause): Record<string, string | number> {
  const { trouble } = cause;
  const names = (trouble?.devices ?? []).map((one) => bilingualName(one.name, language.value));
  const more = (trouble?.count ?? 0) - names.length;
  const devices = names.join(say("list.join")) + (more > 0 ? say("trouble.more", { count: more }) : "");
  return { at: since(cause), gateway: trouble?.gateway ?? "", devices, count: trouble?.count ?? 0, of: trouble?.of ?? 0, delay: age(trouble?.delay_s ?? 0), share: percent(Math.floor((cause.share ?? 0) * 100) / 100) };
}

/** A few words for a sentence that goes on. */
export function short(cause: Cause): string {
  const many = cause.kind === "device_silent" && (cause.trouble?.count ?? 0) > 1 ? ".many" : "";
  return sayMaybe(`short.${cause.kind}${many}`, say("short.server"), valuesOf(cause));
}

/** The whole of it. */
export function long(cause: Cause): string {
  const many = cause.kind === "device_silent" && (cause.trouble?.count ?? 0) > 1 ? ".many" : "";
  const values = valuesOf(cause);
  const told = sayMaybe(`trouble.${cause.kind}${many}`, say("trouble.server"), values);
  return cause.since_ms === null ? sayMaybe(`trouble.${cause.kind}${many}.never`, told, values) : told;
}

export function TroubleList() {
  const all = causes.value;
  if (!all.length) return null;
  if (all[0] && isOnItsWay(all[0])) return <OnItsWay cause={all[0]} />;
  return (
    <section class="card trouble" role="alert" aria-label={say("trouble.title")}>
      <ul>
        {all.slice(0, SHOWN).map((cause, index) => (
          <li key={`${cause.kind}${cause.park ?? ""}${cause.trouble?.gateway ?? ""}${index}`} data-trouble={cause.kind}>
            <span aria-hidden="true">▲ </span>
            {cause.park && <b>{nameOf(parks.value?.find((one) => one.park === cause.park), cause.park)}: </b>}
            {long(cause)}
            {/* Counted by the page itself: it need not be read out every second. */}
            {cause.since_ms !== null && <span class="faint"> {say("trouble.for", { age: ageOf(cause) })}</span>}
          </li>
        ))}
      </ul>
      {all.length > SHOWN && <p class="faint">{say("trouble.others", { count: all.length - SHOWN })}</p>}
      {all.some(concernsAll) && <p class="faint">{say("trouble.below")}</p>}
    </section>
  );
}

/** No trouble: what is being made, how far it is, and what follows. */
function OnItsWay({ cause }: { cause: Cause }) {
  return (
    <section class="card on-its-way" role="status" data-on-its-way={cause.kind}>
      <p>{long(cause)}</p>
      {cause.share != null && <progress max={1} value={cause.share} aria-hidden="true" />}
    </section>
  );
}
