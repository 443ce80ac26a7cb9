import { Answer, parkName } from "./answer";
import { DayChart } from "./day";
import { Flow } from "./flow";
import { age } from "./format";
import { keepToken } from "./link";
import { Gateways, Refused } from "./oversight";
import { choose, chosen, findParks, link, needsToken, overview, parks, problem, shown, since } from "./state";
import { theme, toggle } from "./theme";
import { Today } from "./today";
import { language, say, speak } from "./words";

export function App() {
  return (
    <>
      <a class="skip" href="#figures">
        {say("skip")}
      </a>
      <Header />
      <main id="figures" tabIndex={-1}>
        {needsToken.value ? <AskToken /> : <Body />}
      </main>
    </>
  );
}

function Body() {
  if (parks.value === null) return problem.value ? <Failure /> : <Skeleton />;
  if (parks.value.length === 0) return <Empty />;
  return (
    <>
      {problem.value && <Failure />}
      <Answer />
      <div class="board">
        <Flow />
        <Today />
        <DayChart />
        <Gateways />
        <Refused />
      </div>
    </>
  );
}

function Header() {
  const known = parks.value ?? [];
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
        {known.length > 1 ? <ParkChoice /> : <span>{parkName() || say("title")}</span>}
      </h1>
      {overview.value?.simulated && (
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

function ParkChoice() {
  return (
    <select aria-label={say("park")} value={chosen.value ?? ""} onChange={(event) => choose(event.currentTarget.value)}>
      {(parks.value ?? []).map((known) => (
        <option key={known.park} value={known.park}>
          {(language.value === "zh" ? known.name_zh : known.name_en) || known.park}
        </option>
      ))}
    </select>
  );
}

/** Whether what is shown is the present; ages are counted here, so a dead connection or a silent park shows. */
function Pulse() {
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

/** The age of the readings when none of them is a present one; null while any is. */
function oldestIfAllOld(): number | null {
  const figures = (["pv", "storage", "grid", "load", "ev"] as const).map((part) => shown(part));
  const known = figures.filter((figure) => figure?.age != null);
  const old = known.length > 0 && known.every((figure) => figure?.state === "stale");
  return old ? Math.max(...known.map((figure) => figure?.age ?? 0)) : null;
}

function Failure() {
  const told = problem.value;
  return (
    <section class="card failure" role="alert">
      <h2>{say("error.title")}</h2>
      <p>
        {told?.title} {told?.problems.map((mistake) => mistake.remedy).join("; ")}
      </p>
      <button type="button" onClick={() => void findParks()}>
        {say("error.retry")}
      </button>
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

function Skeleton() {
  return (
    <>
      <p class="answer skeleton line" />
      <div class="board" aria-hidden="true">
        <section class="card flow skeleton" />
        <section class="card today skeleton" />
        <section class="card day skeleton" />
      </div>
    </>
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
