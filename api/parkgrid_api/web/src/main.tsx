import { effect } from "@preact/signals";
import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import { App } from "./app";
import { markScrolls } from "./scrolls";
import { park, start, view } from "./state";
import "./style.css";
import { theme } from "./theme";
import { locale, nameOf, say } from "./i18n";

effect(() => {
  document.documentElement.lang = locale.value;
  document.documentElement.dataset.theme = theme.value;
  const name = nameOf(park.value, "");
  const ofPark = view.value === "park" || view.value === "devices" || view.value === "time";
  document.title = [ofPark ? name : say("pingshan"), view.value === "park" ? "" : say(`view.${view.value}`), "parkgrid"].filter(Boolean).join(" · ");
});
const place = document.getElementById("page");
if (place) {
  render(<App />, place);
  markScrolls(place);
}
start();
