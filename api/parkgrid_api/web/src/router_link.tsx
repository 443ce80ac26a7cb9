// A link inside the page: a real address for a new tab, no reload for a plain click.

import type { ComponentChildren } from "preact";
import { go, href, type Patch } from "./router";

interface Props {
  to: Patch;
  children: ComponentChildren;
  class?: string;
  title?: string;
  current?: boolean;
  label?: string;
}

export function RouterLink({ to, children, current, label, ...rest }: Props) {
  const follow = (event: MouseEvent): void => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
    scrollTo({ top: 0 });
  };
  return (
    <a href={href(to)} onClick={follow} aria-current={current ? "page" : undefined} aria-label={label} {...rest}>
      {children}
    </a>
  );
}
