// The parts of a park's flow of power: what feeds its bus and what draws from it.

import type { Flow } from "./types";

export type Part = keyof Flow;

export const PARTS: Part[] = ["pv", "storage", "grid", "load", "ev"];
