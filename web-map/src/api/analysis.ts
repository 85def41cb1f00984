// What the server computes for a commander: what can be asked, what was asked, and what came out of it.
import { ask, post } from './http';
import type { AnalysisCatalogue, AnalysisRequest, AnalysisResult, AnalysisRun } from './types';

/** What is asked for: the method, and what differs from the defaults of the catalogue. */
export type Asked = Partial<AnalysisRequest> & Pick<AnalysisRequest, 'method'>;

export const catalogue = (abort: AbortSignal): Promise<AnalysisCatalogue> =>
  ask('/api/analysis/catalogue', { signal: abort });

const runPath = (id: string): string => `/api/analysis/runs/${id}`;

/** The newest runs, the newest first. */
export const runs = (abort: AbortSignal): Promise<{ runs: AnalysisRun[] }> =>
  ask('/api/analysis/runs', { signal: abort });

export const run = (id: string, abort: AbortSignal): Promise<AnalysisRun> => ask(runPath(id), { signal: abort });

/** Asks for a run; the id is the client's, so that sending it twice asks once. */
export const start = (id: string, request: Asked): Promise<AnalysisRun> => post('/api/analysis/runs', { id, request });

export const cancel = (id: string): Promise<AnalysisRun> => post(`${runPath(id)}/cancel`);

export const result = (id: string, abort: AbortSignal): Promise<AnalysisResult> =>
  ask(`${runPath(id)}/result`, { signal: abort });
