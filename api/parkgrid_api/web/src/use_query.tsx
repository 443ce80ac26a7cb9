// A question to the server and what a person sees while it is open: skeleton, answer, old answer, refusal, nothing.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { clock } from "./format";
import { ask, Refused } from "./api_client";
import { poll } from "./polling";
import type { ProblemShape } from "./types";
import { say } from "./i18n";

export interface Query<T> {
  data: T | null;
  problem: ProblemShape | null;
  /** When the shown data was answered; what follows a failure is older than now. */
  at_ms: number;
}

const NOTHING: Query<never> = { data: null, problem: null, at_ms: 0 };

/** Ask now, and again after each pause; another address begins anew. A null address asks nothing. */
export function useQuery<T>(path: string | null, pauseMs = 0): Query<T> {
  const [asked, setAsked] = useState<{ path: string | null; answer: Query<T> }>({ path, answer: NOTHING });
  useEffect(() => {
    if (path === null) return undefined;
    return asking(() => ask<T>(path), pauseMs, (answer) => setAsked((was) => ({ path, answer: answer(was.path === path ? was.answer : NOTHING) })));
  }, [path, pauseMs]);
  return asked.path === path ? asked.answer : NOTHING;
}

/** The same question of several, each answered for itself and in the order of the paths. */
export function useQueries<T>(paths: string[], pauseMs: number): Query<T>[] {
  const [answers, setAnswers] = useState<ReadonlyMap<string, Query<T>>>(new Map());
  const all = paths.join(" ");
  useEffect(() => {
    const stops = paths.map((path) => asking(() => ask<T>(path), pauseMs, (answer) => setAnswers((was) => new Map(was).set(path, answer(was.get(path) ?? NOTHING)))));
    return () => {
      stops.forEach((stop) => stop());
      setAnswers(new Map());
    };
  }, [all, pauseMs]);
  return useMemo(() => paths.map((path) => answers.get(path) ?? NOTHING), [all, answers]);
}

/** Any question, asked now and again after each pause; the last answer stays while that of another key is under way. */
export function usePolled<T>(key: string, question: () => Promise<T>, pauseMs: number): Query<T> {
  const [asked, setAsked] = useState<Query<T>>(NOTHING);
  useEffect(() => asking(question, pauseMs, (answer) => setAsked(answer)), [key, pauseMs]);
  return asked;
}

/** Ask until it is stopped, and tell what each answer makes of the one before. */
function asking<T>(question: () => Promise<T>, pauseMs: number, tell: (answer: (was: Query<T>) => Query<T>) => void): () => void {
  return poll(question, pauseMs, {
    answer: (data) => tell(() => ({ data, problem: null, at_ms: Date.now() })),
    failure: (error) => tell((was) => ({ ...was, problem: problemOf(error) })),
  });
}

export function problemOf(error: unknown): ProblemShape {
  if (error instanceof Refused) return error.problem;
  return { type: "about:blank", title: String(error instanceof Error ? error.message : error), status: 0, problems: [] };
}

interface Props<T> {
  of: Query<T>;
  /** Height of what is coming, so that nothing jumps when it is there. */
  height: number;
  empty?: (data: T) => ComponentChildren | null;
  children: (data: T) => JSX.Element;
}

export function Answered<T>({ of, height, empty, children }: Props<T>) {
  if (of.data === null) return of.problem ? <Refusal problem={of.problem} /> : <div class="skeleton" style={{ height }} aria-hidden="true" />;
  const nothing = empty?.(of.data) ?? null;
  return (
    <div class={of.problem ? "outdated" : undefined}>
      {of.problem && <p class="alarm small">{say("asked.old", { time: clock(of.at_ms, undefined) })}</p>}
      {nothing === null ? children(of.data) : <p class="empty">{nothing}</p>}
    </div>
  );
}

export function Refusal({ problem }: { problem: ProblemShape }) {
  const text = problem.status === 404 || problem.status === 405 ? say("asked.none") : problem.status === 0 ? say("asked.unreachable") : problem.title;
  return (
    <p class="empty" role="status">
      {text} {problem.status === 404 ? "" : problem.problems.map((mistake) => mistake.remedy).join("; ")}
    </p>
  );
}
