// Where names stand on a map, so that none lies on another or on a circle. What finds no free place is left out: the
// list beside the map has every name.

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface Circle {
  x: number;
  y: number;
  radius: number;
}

export interface Size {
  width: number;
  height: number;
}

export interface Spot {
  box: Box;
  anchor: "start" | "middle" | "end";
}

/** Between a circle and its name, and between two names. */
const ROOM = 5;
/** Orders that are tried: more would take longer than a reader wants to wait for names. */
const MOST_TURNS = 8;

export function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;
}

export function aroundCircle({ x, y, radius }: Circle): Box {
  return { left: x - radius, right: x + radius, top: y - radius, bottom: y + radius };
}

function wider(box: Box, by: number): Box {
  return { left: box.left - by, top: box.top - by, right: box.right + by, bottom: box.bottom + by };
}

/** Below, right, left, above, aslant, then the same a little further off. */
function candidates({ x, y, radius }: Circle, { width, height }: Size): Spot[] {
  const at = (left: number, top: number, anchor: Spot["anchor"]): Spot => ({ box: { left, top, right: left + width, bottom: top + height }, anchor });
  return [0, 14, 28, 42].flatMap((further) => {
    const off = radius + ROOM + further;
    const slant = off * 0.75;
    return [
      at(x - width / 2, y + off, "middle"),
      at(x + off, y - height / 2, "start"),
      at(x - off - width, y - height / 2, "end"),
      at(x - width / 2, y - off - height, "middle"),
      at(x - radius, y + off, "start"),
      at(x + radius - width, y + off, "end"),
      at(x - radius, y - off - height, "start"),
      at(x + radius - width, y - off - height, "end"),
      at(x + slant, y + slant, "start"),
      at(x - slant - width, y + slant, "end"),
      at(x + slant, y - slant - height, "start"),
      at(x - slant - width, y - slant - height, "end"),
    ];
  });
}

/** A place for the name of each circle; `gentle` is better left free, but need not be. */
export function besideCircles(circles: Circle[], sizes: Size[], field: Box, gentle: Box[]): (Spot | null)[] {
  const order = circles.map((_, index) => index).sort((a, b) => (circles[b]?.radius ?? 0) - (circles[a]?.radius ?? 0));
  let best: (Spot | null)[] = [];
  // The largest first, as long as nobody's name falls away for it.
  for (let turn = 0; turn < Math.min(order.length, MOST_TURNS); turn++) {
    const found = inTurn([...order.slice(turn), ...order.slice(0, turn)], circles, sizes, field, gentle);
    if (turn === 0 || placedIn(found) > placedIn(best)) best = found;
    if (placedIn(best) === circles.length) break;
  }
  return best;
}

const placedIn = (spots: (Spot | null)[]): number => spots.filter((spot) => spot !== null).length;

function inTurn(order: number[], circles: Circle[], sizes: Size[], field: Box, gentle: Box[]): (Spot | null)[] {
  const taken = circles.map(aroundCircle);
  const found: (Spot | null)[] = circles.map(() => null);
  for (const index of order) {
    const [circle, size] = [circles[index], sizes[index]];
    if (!circle || !size) continue;
    const others = taken.filter((_, place) => place !== index);
    const free = candidates(circle, size).filter(({ box }) => inside(box, field) && !others.some((other) => overlap(wider(box, ROOM / 2), other)));
    const spot = free.find(({ box }) => !gentle.some((other) => overlap(box, other))) ?? free[0] ?? null;
    found[index] = spot;
    if (spot) taken.push(spot.box);
  }
  return found;
}

function inside(box: Box, field: Box): boolean {
  return box.left >= field.left && box.right <= field.right && box.top >= field.top && box.bottom <= field.bottom;
}

/** The free place for a name within its area that is nearest to where it stands by itself; null when there is none. */
export function withinArea(points: [number, number][], at: [number, number], size: Size, taken: Box[]): [number, number] | null {
  const steps = [0, 1, 2, 3, 4, 5, 6];
  const shifts = steps.flatMap((across) => steps.flatMap((down) => [-1, 1].flatMap((h) => [-1, 1].map((v): [number, number] => [h * across * 14, v * down * 12]))));
  shifts.sort((a, b) => Math.hypot(...a) - Math.hypot(...b));
  for (const [dx, dy] of shifts) {
    const [x, y] = [at[0] + dx, at[1] + dy];
    const box = boxOf(x, y, size);
    const corners: [number, number][] = [[box.left, box.top], [box.right, box.top], [box.left, box.bottom], [box.right, box.bottom]];
    if (corners.every((corner) => within(points, corner)) && !taken.some((other) => overlap(box, other))) return [x, y];
  }
  return null;
}

/** A text in the middle above its base line. */
export function boxOf(x: number, y: number, { width, height }: Size): Box {
  return { left: x - width / 2, right: x + width / 2, top: y - height * 0.8, bottom: y + height * 0.2 };
}

/** Whether a ray from the point crosses the outline an odd number of times. */
function within(points: [number, number][], [x, y]: [number, number]): boolean {
  let inner = false;
  points.forEach(([ax, ay], index) => {
    const [bx, by] = points[(index + 1) % points.length] ?? [0, 0];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inner = !inner;
  });
  return inner;
}

/** A long name in two lines of about the same length. */
export function lines(name: string, most: number): string[] {
  const words = name.split(" ");
  if (name.length <= most || words.length < 2) return [name];
  const halves = words.slice(1).map((_, index): [string, string] => [words.slice(0, index + 1).join(" "), words.slice(index + 1).join(" ")]);
  halves.sort((a, b) => Math.max(a[0].length, a[1].length) - Math.max(b[0].length, b[1].length));
  return halves[0] ?? [name];
}
