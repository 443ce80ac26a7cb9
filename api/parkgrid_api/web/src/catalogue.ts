// The catalogue of signals, asked once; and what a signal is called by people.

import { signal } from "@preact/signals";
import { bilingualName } from "./bilingual_name";
import { ask } from "./api_client";
import { poll } from "./polling";
import type { CatalogueSignal, Signals } from "./types";
import { language, sayMaybe } from "./i18n";

export const catalogue = signal<Record<string, CatalogueSignal[]> | null>(null);
let asked = false;
/** It is asked again only until it is there. */
const RETRY_MS = 3_000;

export function needCatalogue(): void {
  if (asked) return;
  asked = true;
  const stop = poll(() => ask<Signals>("/signals"), RETRY_MS, {
    answer: (found) => {
      stop();
      catalogue.value = found.classes;
    },
    failure: () => undefined,
  });
}

export function signalOf(deviceClass: string, name: string): CatalogueSignal | undefined {
  return catalogue.value?.[deviceClass]?.find((one) => one.name === name);
}

/** A signal's own words where the catalogue of words has them, else its name without its unit. */
export function signalName(name: string): string {
  const phase = /^(.+?)_([abc])_(v|a|kw)$/.exec(name);
  if (phase) return `${sayMaybe(`signal.${phase[1]}_${phase[3]}`, phase[1] ?? name)} ${(phase[2] ?? "").toUpperCase()}`;
  const string = /^string_(\d)_(voltage_v|current_a)$/.exec(name);
  if (string) return `${sayMaybe("signal.string", "string")} ${string[1]} ${sayMaybe(`signal.${string[2]}`, string[2] ?? "")}`;
  return sayMaybe(`signal.${name}`, name);
}

/** What a device is called, in the language of the page where its name has both. */
export function deviceName(device: { name: string | null; device: string }): string {
  return bilingualName(wholeName(device), language.value);
}

/** The name as it was given, for whoever looks twice. */
export function wholeName(device: { name: string | null; device: string }): string {
  return device.name || device.device;
}
