// A view that is loaded when it is first looked at.

import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { say } from "./i18n";

export function lazy(load: () => Promise<ComponentType>, Waiting: ComponentType = Skeleton): ComponentType {
  let found: ComponentType | null = null;
  return function Lazy() {
    const [View, setView] = useState<ComponentType | null>(() => found);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (View) return;
      load().then(
        (loaded) => {
          found = loaded;
          setView(() => loaded);
        },
        () => setFailed(true),
      );
    }, []);
    if (failed) {
      return (
        <section class="card failure" role="alert">
          <h2>{say("error.view")}</h2>
          <button type="button" onClick={() => location.reload()}>
            {say("error.retry")}
          </button>
        </section>
      );
    }
    return View ? <View /> : <Waiting />;
  };
}

export function Skeleton() {
  return (
    <>
      <p class="answer skeleton line" />
      <div class="board" aria-hidden="true">
        <section class="card wide skeleton" style={{ minHeight: 372 }} />
        <section class="card side skeleton" style={{ minHeight: 372 }} />
        <section class="card full skeleton" style={{ minHeight: 300 }} />
      </div>
    </>
  );
}
