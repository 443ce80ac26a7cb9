// Where the page is: everything that decides what is shown stands in the address, so that a link shows the same.

import { computed, signal } from "@preact/signals";

export const VIEWS = ["district", "park", "devices", "time", "quality", "clusters", "vpp", "wall"] as const;
export type View = (typeof VIEWS)[number];
export type Patch = Record<string, string | null>;

const query = signal(new URLSearchParams(location.search));

window.addEventListener("popstate", () => {
  query.value = new URLSearchParams(location.search);
});

export function param(name: string): string | null {
  return query.value.get(name);
}

/** The view that the address names; null when it names none, then the number of parks decides. */
export const named = computed<View | null>(() => VIEWS.find((view) => view === param("view")) ?? null);

function patched(patch: Patch): string {
  const next = new URLSearchParams(query.value);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || value === "") next.delete(name);
    else next.set(name, value);
  }
  // Slashes, commas and colons are allowed in a query, and people read addresses.
  return `?${next.toString().replace(/%2F/g, "/").replace(/%2C/g, ",").replace(/%3A/g, ":")}`;
}

export const href = (patch: Patch): string => patched(patch);

/** Another view: what only the present one understands is left out of its address. */
export function viewPatch(view: View, more: Patch = {}): Patch {
  const own = { class: null, plot: null, from: null, to: null, range: null, compare: null, date: null, sort: null, day: null, quarter: null, reason: null, of: null, device: null, register: null, trace: null, event: null, resource: null, operator: null, entry: null, part: null, page: null };
  return { ...own, view, ...more };
}

export function go(patch: Patch, how: "push" | "replace" = "push"): void {
  const next = patched(patch);
  if (next === patched({})) return;
  if (how === "push") history.pushState(null, "", next);
  else history.replaceState(null, "", next);
  query.value = new URLSearchParams(next);
}

/** Lists that are looked at page by page stand in the address together: `page=events:2,disputes:1`; the first is 0. */
export function pageOf(list: string): number {
  return pages().get(list) ?? 0;
}

/** The same view with another page of one list. */
export function turned(list: string, page: number): Patch {
  const next = new Map(pages());
  if (page > 0) next.set(list, page);
  else next.delete(list);
  return { page: [...next].map(([name, number]) => `${name}:${number}`).join(",") };
}

function pages(): Map<string, number> {
  const told = (param("page") ?? "").split(",").map((one) => one.split(":"));
  return new Map(told.flatMap(([name, number]) => (name && /^[0-9]{1,6}$/.test(number ?? "") ? [[name, Number(number)] as const] : [])));
}
