// Choices of a person: in the address, and kept for the next visit.

import { go, param } from "./router";

export function remembered(name: string): string | null {
  const inAddress = param(name);
  if (inAddress !== null) return inAddress;
  try {
    return localStorage.getItem(`parkgrid.${name}`);
  } catch {
    return null; // storage is switched off
  }
}

export function remember(name: string, value: string): void {
  go({ [name]: value }, "replace");
  try {
    localStorage.setItem(`parkgrid.${name}`, value);
  } catch {
    // storage is switched off: the address still holds it
  }
}
