// The two languages of the page; one catalogue each, the same keys in both.

import { computed, signal } from "@preact/signals";
import en from "./locales/en.json";
import zh from "./locales/zh.json";
import { remembered, remember } from "./preferences";

export type Language = "zh" | "en";
export type Key = keyof typeof en;

const catalogues: Record<Language, Record<Key, string>> = { zh, en };

function first(): Language {
  const wanted = remembered("lang");
  if (wanted === "zh" || wanted === "en") return wanted;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const language = signal<Language>(first());

export const locale = computed(() => (language.value === "zh" ? "zh-CN" : "en-GB"));

export function speak(chosen: Language): void {
  language.value = chosen;
  remember("lang", chosen);
}

export function say(key: Key, values: Record<string, string | number> = {}): string {
  return filled(catalogues[language.value][key], values);
}

function filled(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

/** What a park or anything else with two names is called. */
export function nameOf(known: { name_zh?: string | null; name_en?: string | null } | null | undefined, otherwise: string): string {
  return (language.value === "zh" ? known?.name_zh : known?.name_en) || otherwise;
}

/** A key that is made from data: unknown ones show the data itself. */
export function sayMaybe(key: string, otherwise: string, values: Record<string, string | number> = {}): string {
  const text = (catalogues[language.value] as Record<string, string>)[key];
  return text === undefined ? otherwise : filled(text, values);
}
