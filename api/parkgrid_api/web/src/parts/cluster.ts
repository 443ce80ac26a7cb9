// A cluster of the district and its figures, as the api tells them.

export interface ClusterFigure {
  name: string;
  name_zh: string;
  name_en: string;
  unit: string;
  formula: string;
  value: number | null;
  bound: "exact" | "at_least" | "metered_part";
  /** What part of the cluster a metered figure is of; empty for the whole. */
  output_share_pct: number | null;
  basis: string;
  basis_zh: string;
  /** Whether an output in it is an example, no statistics. */
  example: boolean;
  unavailable: string | null;
  unavailable_zh: string | null;
  coverage_pct: number | null;
  estimated_pct: number | null;
  sources: string[];
  revision: number | null;
  details: Record<string, number | string | null>;
  address: string;
}

export interface Cluster {
  cluster: string;
  name_zh: string;
  name_en: string;
  kind: string;
  places_zh: string[];
  parks: string[];
  source: string;
  quarter: string;
  figures: ClusterFigure[];
}

export const figureOf = (cluster: Cluster, name: string): ClusterFigure | undefined => cluster.figures.find((figure) => figure.name === name);
