// The way to the server: plain questions, and the live stream. Both carry the token when the server wants one,
// which is why the stream is read with fetch: an EventSource cannot send a header.

import type { ProblemShape } from "./types";
import { language } from "./i18n";

// Relative to the page, which may be served under a path of a reverse proxy.
const BASE = "api/v1";
/** Longer than any silence that a living server keeps: it sends a heartbeat every two seconds. */
const SILENCE_MS = 20_000;
const LONGEST_PAUSE_MS = 10_000;

export class Refused extends Error {
  constructor(readonly problem: ProblemShape) {
    super(problem.title);
  }
}

export function token(): string {
  return sessionStorage.getItem("parkgrid.token") ?? "";
}

export function keepToken(text: string): void {
  sessionStorage.setItem("parkgrid.token", text);
}

function headers(): Record<string, string> {
  const kept = token();
  const spoken = { "Accept-Language": language.peek() };
  return kept ? { ...spoken, Authorization: `Bearer ${kept}` } : spoken;
}

async function refused(response: Response): Promise<Refused> {
  try {
    return new Refused((await response.json()) as ProblemShape);
  } catch {
    return new Refused({ type: "about:blank", title: response.statusText, status: response.status, problems: [] });
  }
}

export async function ask<T>(path: string): Promise<T> {
  const response = await fetch(BASE + path, { headers: headers(), signal: AbortSignal.timeout(15_000) });
  if (!response.ok) throw await refused(response);
  return (await response.json()) as T;
}

/** A file, made while it is waited for. */
export async function file(path: string): Promise<Blob> {
  const response = await fetch(BASE + path, { headers: headers(), signal: AbortSignal.timeout(120_000) });
  if (!response.ok) throw await refused(response);
  return response.blob();
}

export interface Listener {
  /** The server gave a sign of life, whatever it says. */
  alive(): void;
  event(name: string, data: string): void;
  lost(error: unknown): void;
}

/** Follow a stream until the returned function is called; reconnects by itself, resuming after the last event. */
export function follow(path: string, listener: Listener): () => void {
  let stopped = false;
  let last = "";
  let pause = 500;
  let attempt = new AbortController();

  async function once(): Promise<void> {
    attempt = new AbortController();
    const watchdog = new Watchdog(attempt);
    try {
      const extra: Record<string, string> = last ? { "Last-Event-ID": last } : {};
      const response = await fetch(BASE + path, { headers: { ...headers(), ...extra }, signal: attempt.signal });
      listener.alive();
      if (!response.ok || !response.body) throw await refused(response);
      for await (const fields of blocks(response.body, watchdog, listener)) {
        pause = 500;
        if (fields.id) last = fields.id;
        if (fields.data) listener.event(fields.event ?? "message", fields.data);
      }
    } finally {
      watchdog.rest();
    }
  }

  async function forever(): Promise<void> {
    while (!stopped) {
      try {
        await once();
        if (!stopped) listener.lost(new Error("ended"));
      } catch (error) {
        if (!stopped) listener.lost(error);
      }
      await rest(pause * (0.75 + Math.random() / 2));
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /** A pause that ends when the network comes back. */
  function rest(ms: number): Promise<void> {
    return new Promise((done) => {
      const wake = (): void => {
        removeEventListener("online", wake);
        clearTimeout(timer);
        done();
      };
      const timer = window.setTimeout(wake, ms);
      addEventListener("online", wake);
    });
  }

  void forever();
  return () => {
    stopped = true;
    attempt.abort();
  };
}

/** Cuts a connection that has gone silent: a dead peer sends no end of file. */
class Watchdog {
  private timer = 0;

  constructor(private readonly attempt: AbortController) {
    this.feed();
  }

  feed(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.attempt.abort(), SILENCE_MS);
  }

  rest(): void {
    clearTimeout(this.timer);
  }
}

async function* blocks(body: ReadableStream<Uint8Array>, watchdog: Watchdog, listener: Listener): AsyncGenerator<Record<string, string>> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    watchdog.feed();
    listener.alive();
    rest += decoder.decode(value, { stream: true });
    const parts = rest.split("\n\n");
    rest = parts.pop() ?? "";
    for (const part of parts) yield fieldsOf(part);
  }
}

function fieldsOf(block: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of block.split("\n")) {
    const colon = line.indexOf(": ");
    if (colon > 0) fields[line.slice(0, colon)] = line.slice(colon + 2);
  }
  return fields;
}
