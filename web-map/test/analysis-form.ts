// What the tests of the form of an analysis ask for where it does not matter.
import type { AnalysisCatalogue, AnalysisMethod } from '../src/api/types';

/** The same words in both languages. */
export const text = (zh: string) => ({ zh, en: zh });

/** A request with nothing chosen. */
export const defaults: AnalysisCatalogue['defaults'] = {
  method: '',
  indicator: 'casework',
  level: 'grids',
  edition: '',
  kinds: [],
  casework: 'auto',
  from: '2023-01',
  to: '2025-12',
  step: 'year',
  inference: 'auto',
  draw: 'total',
  replicates: 0,
  seed: 310151,
  alpha: 0.05,
  correct: true,
  smoothing: 'local',
  kernel: { shape: 'gaussian', bandwidth: 'scott', bandwidth_m: 1500, edge: 'uniform', cell_m: 250 },
  scan: { time: 'space', max_share: 0.25, max_radius_m: 0, max_duration: 0.5, low: false },
  pairs: { distances_m: [250, 500], days: [7, 14] },
  composite: { weights: {}, judgements: [], normalise: 'index', missing: 'renormalise', species: 'opium_poppy' },
  areas: [0.01, 0.05, 0.1, 0.2],
};

/** A method that takes the options. */
export const method = (id: string, options: string[], levels = ['grids', 'villages', 'cells']): AnalysisMethod => ({
  id,
  title: text(id),
  question: text(id),
  about: text(id),
  needs: text(id),
  source: id,
  levels,
  indicators: id === 'pairs' ? ['findings', 'confirmed'] : ['casework', 'findings'],
  options,
  classes: [],
});
