// A box that is wider than what it shows says on which side it goes on: the style sheet fades that side out.

import { effect } from "@preact/signals";
import { language, say } from "./i18n";

function mark(box: HTMLElement): void {
  const past = Math.max(0, box.scrollWidth - box.clientWidth - box.scrollLeft);
  const sides = [box.scrollLeft > 1 ? "left" : "", past > 1 ? "right" : ""].filter(Boolean).join(" ");
  const hint = `⇆ ${say("scroll.hint")}`;
  // Only what changed is written: every write has the page's styles computed again.
  if ((box.dataset.more ?? "") !== sides) {
    if (sides) box.dataset.more = sides;
    else delete box.dataset.more;
  }
  if (!sides) return;
  if (box.dataset.hint !== hint) box.dataset.hint = hint;
  // The fade stands at the edge of the box, not at the end of the table.
  if (box.style.getPropertyValue("--past") !== `${past}px`) box.style.setProperty("--past", `${past}px`);
}

/** Look at every box again when the page changes, its size does, or a box is moved. */
export function markScrolls(root: HTMLElement): void {
  let waiting = false;
  const soon = (): void => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      root.querySelectorAll<HTMLElement>(".scroll").forEach(mark);
    });
  };
  new MutationObserver(soon).observe(root, { childList: true, subtree: true });
  addEventListener("resize", soon);
  root.addEventListener("scroll", (event) => (event.target as HTMLElement).classList?.contains("scroll") && mark(event.target as HTMLElement), true);
  effect(() => {
    void language.value;
    soon();
  });
}
