import { effect } from "@preact/signals";
import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import { App } from "./app";
import { parkName } from "./answer";
import { start } from "./state";
import "./style.css";
import { theme } from "./theme";
import { locale } from "./words";

effect(() => {
  document.documentElement.lang = locale.value;
  document.documentElement.dataset.theme = theme.value;
  document.title = parkName() ? `${parkName()} · parkgrid` : "parkgrid";
});
const place = document.getElementById("page");
if (place) render(<App />, place);
void start();
