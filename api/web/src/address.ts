// The URL holds what is shown, so that a link shows the same; the choices are also kept for the next visit.

export function remembered(name: string): string | null {
  const inAddress = new URLSearchParams(location.search).get(name);
  if (inAddress !== null) return inAddress;
  try {
    return localStorage.getItem(`parkgrid.${name}`);
  } catch {
    return null; // storage is switched off
  }
}

export function remember(name: string, value: string): void {
  const query = new URLSearchParams(location.search);
  query.set(name, value);
  history.replaceState(null, "", `?${query.toString()}`);
  try {
    localStorage.setItem(`parkgrid.${name}`, value);
  } catch {
    // storage is switched off: the address still holds it
  }
}
