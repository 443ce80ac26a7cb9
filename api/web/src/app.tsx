import { useEffect } from "preact/hooks";
import { age } from "./format";
import { oldestIfAllOld } from "./standing";
import { lazy, Skeleton } from "./lazy";
import { keepToken } from "./link";
import { LinkTo } from "./link_to";
import { param, viewPatch, type View } from "./router";
import { choose, chosen, findParks, link, needsToken, OF_PARK, overview, park, parks, problem, since, view } from "./state";
import { theme, toggle } from "./theme";
import type { Problem } from "./types";
import { language, nameOf, say, speak, type Key } from "./words";

const SHOWN: Record<View, ReturnType<typeof lazy>> = {
  district: lazy(async () => (await import("./views/district")).DistrictView),
  park: lazy(async () => (await import("./views/park")).ParkView),
  devices: lazy(async () => (await import("./views/devices")).DevicesView),
  time: lazy(async () => (await import("./views/time")).TimeView),
  quality: lazy(async () => (await import("./views/quality")).QualityView),
  clusters: lazy(async () => (await import("./views/clusters")).ClustersView),
  wall: lazy(async () => (await import("./views/wall")).WallView),
};
const TraceDialog = lazy(async () => (await import("./views/trace")).TraceDialog, () => null);
const TABS: { view: View; key: Key }[] = [
  { view: "district", key: "view.district" },
  { view: "park", key: "view.park" },
  { view: "devices", key: "view.devices" },
  { view: "time", key: "view.time" },
  { view: "quality", key: "view.quality" },
  { view: "clusters", key: "view.clusters" },
  { view: "wall", key: "view.wall" },
];

export function App() {
  if (view.value === "wall" && parks.value?.length && !needsToken.value) {
    return (
      <main id="figures" class="wall-main">
        <SHOWN.wall />
      </main>
    );
  }
  return (
    <>
      <a class="skip" href="#figures">
        {say("skip")}
      </a>
      <Header />
      <Tabs />
      <main id="figures" tabIndex={-1}>
        {needsToken.value ? <AskToken /> : <Body />}
      </main>
    </>
  );
}

function Body() {
  if (parks.value === null) return problem.value ? <Failure /> : <Skeleton />;
  if (parks.value.length === 0) return <Empty />;
  const Shown = SHOWN[view.value];
  return (
    <>
      {problem.value && <Failure />}
      <Shown key={OF_PARK.includes(view.value) ? chosen.value : "all"} />
      {param("trace") && <TraceDialog />}
    </>
  );
}

function Header() {
  const known = parks.value ?? [];
  const ofPark = OF_PARK.includes(view.value);
  const simulated = ofPark ? overview.value?.simulated : parks.value?.some((one) => one.simulated);
  return (
    <header>
      <h1>
        <svg class="mark" viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
          <rect class="mark-bus" x="14.5" y="4" width="3" height="24" rx="1.5" />
          <path class="pv" d="M4 9h10" stroke-width="5" />
          <path class="storage" d="M4 18h10" stroke-width="3" />
          <path class="load" d="M18 12h10" stroke-width="6" />
          <path class="ev" d="M18 22h10" stroke-width="3" />
        </svg>
        {!ofPark && known.length > 0 ? (
          <span>{say("pingshan")}</span>
        ) : known.length > 1 ? (
          <ParkChoice />
        ) : (
          <span>{nameOf(park.value, park.value?.park ?? say("title"))}</span>
        )}
      </h1>
      {simulated && (
        <span class="badge" title={say("simulated.why")}>
          {say("simulated")}
        </span>
      )}
      <Pulse />
      <div class="tools">
        <div class="switch" role="group" aria-label={say("language")}>
          <button type="button" lang="zh-CN" aria-pressed={language.value === "zh"} onClick={() => speak("zh")}>
            中
          </button>
          <button type="button" lang="en" aria-pressed={language.value === "en"} onClick={() => speak("en")}>
            EN
          </button>
        </div>
        <button type="button" class="round" aria-label={say("theme")} title={say("theme")} onClick={toggle}>
          {theme.value === "dark" ? "◑" : "◐"}
        </button>
      </div>
    </header>
  );
}

function Tabs() {
  // On a phone the tabs scroll: the present one is in sight.
  useEffect(() => document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" }), [view.value]);
  return (
    <nav aria-label={say("views")}>
      {TABS.map((tab) => (
        <LinkTo key={tab.view} to={viewPatch(tab.view)} current={tab.view === view.value}>
          {say(tab.key)}
        </LinkTo>
      ))}
    </nav>
  );
}

function ParkChoice() {
  return (
    <select aria-label={say("park")} value={chosen.value ?? ""} onChange={(event) => choose(event.currentTarget.value)}>
      {(parks.value ?? []).map((known) => (
        <option key={known.park} value={known.park}>
          {nameOf(known, known.park)}
        </option>
      ))}
    </select>
  );
}

/** Whether what is shown is the present; ages are counted here, so a dead connection or a silent park shows. */
export function Pulse() {
  const quiet = link.value === "live" && since.value > 5;
  const oldest = quiet || link.value !== "live" ? null : oldestIfAllOld();
  const state = quiet || oldest !== null ? "lost" : link.value;
  const lost = oldest === null ? `${say("lost")} · ${age(since.value)}` : `${say("answer.stale")} · ${age(oldest)}`;
  const text = state === "live" ? say("live") : state === "lost" ? lost : say("connecting");
  return (
    <span class={`pulse ${state}`} role="status">
      <span aria-hidden="true">{state === "live" ? "●" : "○"}</span> {text}
    </span>
  );
}

function Failure() {
  const told = problem.value;
  return (
    <section class="card failure" role="alert">
      <h2>{say("error.title")}</h2>
      <p>
        {told && failureText(told)}
      </p>
      <button type="button" onClick={() => void findParks()}>
        {say("error.retry")}
      </button>
    </section>
  );
}

/** What a person can do with it: the parts that can fail have a name in both languages. */
function failureText(told: Problem): string {
  if (told.status === 503) return say("error.503");
  if (told.status === 0) return say("asked.unreachable");
  return [told.title, ...told.problems.map((mistake) => mistake.remedy)].join(" ");
}

function Empty() {
  return (
    <section class="card nothing">
      <h2>{say("empty.title")}</h2>
      <p>{say("empty.text")}</p>
    </section>
  );
}

function AskToken() {
  const send = (event: Event): void => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("token") as HTMLInputElement;
    keepToken(field.value.trim());
    void findParks();
  };
  return (
    <form class="card token" onSubmit={send}>
      <h2>{say("token.title")}</h2>
      <label>
        {say("token.label")} <input name="token" type="password" autocomplete="current-password" required />
      </label>
      <button type="submit">{say("token.send")}</button>
    </form>
  );
}
