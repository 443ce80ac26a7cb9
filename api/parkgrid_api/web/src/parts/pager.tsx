// Earlier and later pages of a list that the server answers page by page; which one is shown stands in the address.

import { whole } from "../format";
import { say, type Key } from "../i18n";
import { go, pageOf, turned } from "../router";

interface Props {
  list: string;
  /** What the list is called, for those who cannot see where the buttons stand. */
  name: string;
  total: number;
  size: number;
  /** The newest first: the next page is an earlier time. */
  timed?: boolean;
}

/** The part of an address that asks for the page that is shown. */
export const asked = (list: string, size: number): string => `skip=${pageOf(list) * size}&limit=${size}`;

export function Pager({ list, name, total, size, timed = false }: Props) {
  const page = pageOf(list);
  if (total <= size && page === 0) return null;
  const last = Math.max(0, Math.ceil(total / size) - 1);
  const words: [Key, Key] = timed ? ["page.later", "page.earlier"] : ["page.previous", "page.next"];
  const button = (word: Key, to: number, off: boolean) => (
    <button type="button" disabled={off} onClick={() => go(turned(list, to))}>
      {say(word)}
    </button>
  );
  return (
    <p class="pager small" role="group" aria-label={say("page.of", { name })}>
      {button(words[0], Math.min(page - 1, last), page <= 0)}
      <span>{say("page.shown", { first: whole(Math.min(total, page * size + 1)), last: whole(Math.min(total, (page + 1) * size)), total: whole(total) })}</span>
      {button(words[1], page + 1, page >= last)}
    </p>
  );
}
