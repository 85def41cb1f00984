// Weights by pairwise comparison: the analytic hierarchy process (Saaty 1977, 1980), as the server computes it.

/** The factors of the composite index, in the order of their weights. */
export const factors = ['casework', 'findings_open', 'findings_confirmed', 'status', 'survey'] as const;

/** The pairs that are compared, by the places of their factors, the earlier one first. */
export const pairs: readonly (readonly [number, number])[] = factors.flatMap((_, i) =>
  factors.slice(i + 1).map((_, k) => [i, i + 1 + k] as const),
);

/** The most steps from "the same" on Saaty's scale: 9 times. */
export const mostSteps = 8;

/** How many times more the first of a pair counts: step 2 is 3 times, step -2 a third. */
export const timesOf = (step: number): number => (step >= 0 ? step + 1 : 1 / (1 - step));

/** The step of the scale that is nearest to a comparison. */
export const stepOf = (times: number): number => {
  const steps = Math.round((times >= 1 ? times : 1 / times) - 1);
  const kept = Math.min(mostSteps, steps);
  return times >= 1 || kept === 0 ? kept : -kept;
};

/** The reciprocal matrix of one step for each pair. */
export function matrixOf(steps: readonly number[]): number[][] {
  const matrix = factors.map(() => factors.map(() => 1));
  for (const [at, [i, k]] of pairs.entries()) {
    const times = timesOf(steps[at] ?? 0);
    (matrix[i] ?? [])[k] = times;
    (matrix[k] ?? [])[i] = 1 / times;
  }
  return matrix;
}

/** The steps of a matrix, each the nearest one on the scale. */
export const stepsOf = (matrix: readonly (readonly number[])[]): number[] =>
  pairs.map(([i, k]) => stepOf(matrix[i]?.[k] ?? 1));

/** Mean consistency index of random matrices by the number of criteria (Saaty 1980, table 1-4). */
const randomIndex = [0, 0, 0, 0.58, 0.9, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49, 1.51, 1.48, 1.56, 1.57, 1.59];

/** The consistency ratio from which comparisons contradict each other. */
export const tolerable = 0.1;

export interface Priorities {
  weights: number[]; // sum 1
  lambdaMax: number;
  cr: number; // consistency ratio; 0 for fewer than three criteria
  consistent: boolean;
  worst: { row: number; column: number; given: number; implied: number } | null; // what to look at first; null when all agree
}

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
const times = (matrix: readonly (readonly number[])[], w: readonly number[]): number[] =>
  matrix.map((row) => sum(row.map((v, k) => v * (w[k] ?? 0))));

/** The principal eigenvector of a matrix of positive numbers, by power iteration; sum 1. */
function principal(matrix: readonly (readonly number[])[]): number[] {
  let w = matrix.map(() => 1 / matrix.length);
  for (let round = 0; round < 1000; round++) {
    const grown = times(matrix, w);
    const whole = sum(grown);
    const next = grown.map((v) => v / whole);
    const change = Math.max(...next.map((v, i) => Math.abs(v - (w[i] ?? 0))));
    w = next;
    if (change < 1e-15) break;
  }
  return w;
}

/** What a reciprocal matrix says of its criteria. */
export function priorities(matrix: readonly (readonly number[])[]): Priorities {
  const n = matrix.length;
  const weights = principal(matrix);
  const lambdaMax = Math.max(n, sum(times(matrix, weights))); // below n is rounding
  const cr = n < 3 ? 0 : (lambdaMax - n) / (n - 1) / (randomIndex[n] ?? 1.59);
  return { weights, lambdaMax, cr, consistent: cr < tolerable, worst: worstOf(matrix, weights) };
}

/** The comparison that is furthest, by ratio, from what the weights make of it. */
function worstOf(matrix: readonly (readonly number[])[], weights: readonly number[]): Priorities['worst'] {
  let [worst, off]: [Priorities['worst'], number] = [null, 1e-9];
  for (const [row, line] of matrix.entries()) {
    for (const [column, given] of line.entries()) {
      if (column <= row) continue;
      const implied = (weights[row] ?? 1) / (weights[column] ?? 1);
      const far = Math.abs(Math.log(given / implied));
      if (far > off) [worst, off] = [{ row, column, given, implied }, far];
    }
  }
  return worst;
}
