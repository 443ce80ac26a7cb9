// Light and dark; without a choice the machine's own.

import { signal } from "@preact/signals";
import { remember, remembered } from "./preferences";

const dark = window.matchMedia("(prefers-color-scheme: dark)");

function first(): "light" | "dark" {
  const wanted = remembered("theme");
  if (wanted === "light" || wanted === "dark") return wanted;
  return dark.matches ? "dark" : "light";
}

export const theme = signal(first());

export function toggle(): void {
  theme.value = theme.value === "dark" ? "light" : "dark";
  remember("theme", theme.value);
}

/** The value of a colour of the style sheet, for what is drawn on a canvas. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
