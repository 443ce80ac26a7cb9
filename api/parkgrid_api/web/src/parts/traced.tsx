// A figure that can be followed back: its name or number opens where it comes from.

import type { ComponentChildren } from "preact";
import { go } from "../router";
import { say } from "../i18n";

export function Traced({ address, children, title, label }: { address: string; children: ComponentChildren; title?: string | undefined; label?: string | undefined }) {
  return (
    <button type="button" class="traced" title={title ?? say("trace.title")} aria-label={label} onClick={() => go({ trace: address })}>
      {children}
    </button>
  );
}
