// A cluster of the district and its figures, as the api tells them.

import type { ClusterFigureShape, ClusterShape } from "../types";

export const figureOf = (cluster: ClusterShape, name: string): ClusterFigureShape | undefined => cluster.figures.find((figure) => figure.name === name);
