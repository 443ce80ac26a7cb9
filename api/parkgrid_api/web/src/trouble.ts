// What is out of order, nearest to the page first: its own link, the server's database, and then what the server names.

import type { DemonstrationShape, ProblemShape, TroubleShape } from "./types";

export type Kind = TroubleShape["kind"] | DemonstrationShape["phase"] | "own_network" | "link" | "database" | "schema" | "slow" | "streams" | "busy" | "server";

export interface Cause {
  kind: Kind;
  /** Since when, in ms of the epoch; null when nobody knows. */
  since_ms: number | null;
  /** The park that it is in, where a view speaks of several. */
  park?: string | undefined;
  trouble?: TroubleShape;
  /** How much of a history is written, 0 to 1. */
  share?: number | null;
}

/** With these nothing that is shown is the present, whichever park it is of. */
const OF_ALL: Kind[] = ["own_network", "link", "database", "schema", "slow", "streams", "busy", "server", "ingest", "store", "disk_full", "broker", "history", "starting"];

/** These are no trouble: a demonstration is on its way, and nothing live is to be seen yet. */
export const isOnItsWay = ({ kind }: Cause): boolean => kind === "history" || kind === "starting";

export const concernsAll = ({ kind }: Cause): boolean => OF_ALL.includes(kind);

/** What the api says of itself when it cannot answer, in the language that it was asked in. */
const REFUSALS: Record<string, Kind> = {
  "The database does not answer.": "database",
  "数据库没有应答。": "database",
  "The database is not migrated.": "schema",
  "数据库尚未升级到当前版本。": "schema",
  "The query takes too long.": "slow",
  "查询耗时过长。": "slow",
  "Too many live streams are open.": "streams",
  "目前不能再打开更多实时数据流。": "streams",
  "The server is busy with other requests.": "busy",
  "服务器正忙于处理其他请求。": "busy",
};

export interface Known {
  /** Whether the browser says that this device has a network. */
  network: boolean;
  /** Whether the server gives signs of life. */
  reached: boolean;
  /** When it gave the last one. */
  heard_ms: number;
  /** What it answered instead of figures, and when the last figures came. */
  problem: ProblemShape | null;
  answered_ms: number | null;
  troubles: { park?: string | undefined; trouble: TroubleShape }[];
  /** What is on its way, when it is all that is shown. */
  demonstration: DemonstrationShape | null;
}

/** The causes that can be told; one that hides the others is alone. */
export function causesOf(known: Known): Cause[] {
  if (!known.network) return [{ kind: "own_network", since_ms: known.heard_ms }];
  if (!known.reached) return [{ kind: "link", since_ms: known.heard_ms }];
  if (known.problem) return [{ kind: REFUSALS[known.problem.title] ?? "server", since_ms: known.answered_ms }];
  if (known.demonstration) return [{ kind: known.demonstration.phase, since_ms: null, share: known.demonstration.share }];
  const told = known.troubles.map(({ park, trouble }): Cause => ({ kind: trouble.kind, since_ms: trouble.since_ms, park, trouble }));
  const common = told.find(concernsAll);
  // What stands before all parks is one cause, not one a park.
  return common ? [{ ...common, park: undefined }] : told;
}
