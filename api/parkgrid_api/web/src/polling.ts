// Everything that the page asks again and again is asked here.
//
//     ask ──▶ answer ──▶ pause ──▶ ask …      one question at a time, however long its answer takes
//               │
//               └ failure ──▶ a longer pause  twice as long after each, until the server is there again
//
// Nobody looks at a hidden tab: what falls due there is asked when somebody looks again.

/** A pause grows to this after failures; one that is longer by itself stays as it is. */
const LONGEST_PAUSE_MS = 10_000;

export interface Listener<T> {
  answer(data: T): void;
  failure(error: unknown): void;
}

const serverIsBack = new EventTarget();

/** The server answers again: what it could not answer is asked now. */
export function retryFailed(): void {
  serverIsBack.dispatchEvent(new Event("back"));
}

/** Ask now, and again a pause after each answer, until the returned function is called. A pause of 0 asks once. */
export function poll<T>(question: () => Promise<T>, pauseMs: number, listener: Listener<T>): () => void {
  const away = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let asking = false;
  let due = false;

  async function turn(): Promise<void> {
    clearTimeout(timer);
    due = false;
    asking = true;
    const told = await question().then(
      (data) => {
        failures = 0;
        return () => listener.answer(data);
      },
      (error: unknown) => {
        failures += 1;
        return () => listener.failure(error);
      },
    );
    asking = false;
    if (away.signal.aborted) return;
    if (pauseMs > 0) timer = setTimeout(elapsed, pauseAfter(pauseMs, failures));
    told();
  }

  function elapsed(): void {
    if (document.hidden) due = true;
    else void turn();
  }

  const { signal } = away;
  if (pauseMs > 0) {
    document.addEventListener("visibilitychange", () => due && !document.hidden && void turn(), { signal });
    const retry = (): void => {
      if (failures > 0 && !asking && !document.hidden) void turn();
    };
    addEventListener("online", retry, { signal });
    serverIsBack.addEventListener("back", retry, { signal });
  }
  void turn();
  return () => {
    away.abort();
    clearTimeout(timer);
  };
}

function pauseAfter(pauseMs: number, failures: number): number {
  return failures === 0 ? pauseMs : Math.max(pauseMs, Math.min(LONGEST_PAUSE_MS, pauseMs * 2 ** (failures - 1)));
}
