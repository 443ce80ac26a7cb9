import { useEffect } from "preact/hooks";
import { age } from "./format";
import { oldestIfAllOld } from "./park_status";
import { lazy, Skeleton } from "./lazy";
import { keepToken } from "./api_client";
import { RouterLink } from "./router_link";
import { param, viewPatch, type View } from "./router";
import { allOld, causes, choose, chosen, findParks, link, needsToken, OF_PARK, overview, park, parks, unknownPark, view } from "./state";
import { short, since, TroubleList } from "./parts/trouble_list";
import { theme, toggle } from "./theme";
import { concernsAll, isOnItsWay } from "./trouble";
import { language, nameOf, say, speak, type Key } from "./i18n";

const SHOWN: Record<View, ReturnType<typeof lazy>> = {
  district: lazy(async () => (await import("./views/district")).DistrictView),
  park: lazy(async () => (await import("./views/park")).ParkView),
  devices: lazy(async () => (await import("./views/devices")).DevicesView),
  time: lazy(async () => (await import("./views/time")).TimeView),
  quality: lazy(async () => (await import("./views/quality")).QualityView),
  clusters: lazy(async () => (await import("./views/clusters")).ClustersView),
  vpp: lazy(async () => (await import("./views/vpp")).VppView),
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
  { view: "vpp", key: "view.vpp" },
  { view: "wall", key: "view.wall" },
];

export function App() {
  if (view.value === "wall" && parks.value?.length && !needsToken.value) {
    return (
      <main id="figures" class={`wall-main ${allOld.value ? "all-old" : ""}`}>
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
      <main id="figures" tabIndex={-1} class={allOld.value ? "all-old" : ""}>
        {needsToken.value ? <AskToken /> : <Body />}
      </main>
    </>
  );
}

function Body() {
  if (parks.value === null) {
    return (
      <>
        <TroubleList />
        <Skeleton />
      </>
    );
  }
  if (parks.value.length === 0) return <Empty />;
  const ofPark = OF_PARK.includes(view.value);
  if (ofPark && unknownPark.value !== null) return <NoSuchPark name={unknownPark.value} />;
  const Shown = SHOWN[view.value];
  return (
    <>
      <TroubleList />
      <Shown key={ofPark ? chosen.value : "all"} />
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
        ) : known.length > 1 && unknownPark.value === null ? (
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
        <RouterLink key={tab.view} to={viewPatch(tab.view)} current={tab.view === view.value}>
          {say(tab.key)}
        </RouterLink>
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
  const cause = causes.value.find(concernsAll);
  const oldest = cause ? null : oldestIfAllOld();
  const state = cause ? (isOnItsWay(cause) ? "connecting" : "lost") : link.value === "connecting" ? "connecting" : oldest !== null ? "lost" : "live";
  const text = cause ? [short(cause), since(cause)].filter(Boolean).join(" · ") : state === "connecting" ? say("connecting") : oldest !== null ? `${say("answer.stale")} · ${age(oldest)}` : say("live");
  return (
    <span class={`pulse ${state}`} role="status">
      <span aria-hidden="true">{state === "live" ? "●" : "○"}</span> {text}
    </span>
  );
}

/** The address names a park that there is not: no other is shown in its place. */
function NoSuchPark({ name }: { name: string }) {
  return (
    <section class="card nothing" role="alert">
      <h2>{say("park.unknown", { park: name })}</h2>
      <p>{say("park.unknown.choose")}</p>
      <ul class="choices">
        {(parks.value ?? []).map((known) => (
          <li key={known.park}>
            <RouterLink to={{ park: known.park }}>{nameOf(known, known.park)}</RouterLink> <span class="faint">{known.park}</span>
          </li>
        ))}
      </ul>
    </section>
  );
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
    findParks();
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
