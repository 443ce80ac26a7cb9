// Which target the clusters are still on their way to, how far they are, and which of them has to grow the most.

interface Figure {
  name: string;
  value: number | null;
  details?: Record<string, number | string | null>;
}

interface Named {
  cluster: string;
  figures: Figure[];
}

export interface Pace {
  /** The next target year that is not over; the last one when all are. */
  year: number;
  /** Clusters whose newest annual output and whose target of that year are known: what the sums are of. */
  count: number;
  output: number;
  target: number;
  /** The year of their outputs; null where it is not the same for all. */
  of: number | null;
  /** Who needs the highest growth a year, and how much; null where no growth can be told. */
  slowest: string | null;
  growth: number | null;
}

const valueOf = (one: Named, name: string): number | null => one.figures.find((figure) => figure.name === name)?.value ?? null;

export function paceOf(clusters: Named[]): Pace | null {
  const years = [...new Set(clusters.flatMap((one) => one.figures.flatMap(({ name }) => /^target_(\d{4})$/.exec(name)?.[1] ?? [])))].map(Number).sort((a, b) => a - b);
  const needed = (year: number): { cluster: string; growth: number }[] =>
    clusters.flatMap((one) => {
      const growth = valueOf(one, `required_growth_${year}`);
      return growth === null ? [] : [{ cluster: one.cluster, growth }];
    });
  const year = years.find((each) => needed(each).length > 0) ?? years[years.length - 1];
  if (year === undefined) return null;
  const known = clusters.filter((one) => valueOf(one, "annual_output") !== null && valueOf(one, `target_${year}`) !== null);
  const sum = (name: string): number => known.reduce((total, one) => total + (valueOf(one, name) ?? 0), 0);
  const of = new Set(known.map((one) => Number(one.figures.find((figure) => figure.name === "annual_output")?.details?.year ?? NaN)));
  const most = needed(year).sort((a, b) => b.growth - a.growth)[0] ?? null;
  return {
    year,
    count: known.length,
    output: sum("annual_output"),
    target: sum(`target_${year}`),
    of: of.size === 1 ? ([...of][0] ?? null) : null,
    slowest: most?.cluster ?? null,
    growth: most?.growth ?? null,
  };
}
