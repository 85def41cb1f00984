// Taking the result of an analysis away. Each of these is written into the audit log with its purpose.

import { post, withQuery } from './http';
import type { AnalysisPrint, Lang } from './types';

/** The table of a result, in full precision. */
export const tablePath = (run: string, form: 'csv' | 'xlsx', lang: Lang, purpose: string): string =>
  withQuery(`/api/analysis/runs/${run}/table.${form}`, { purpose, lang });

/** Has it written down that the map of a result is taken away: before it is. */
export function printed(run: string, form: AnalysisPrint['form'], purpose: string): Promise<void> {
  const note: AnalysisPrint = { form, purpose };
  return post(`/api/analysis/runs/${run}/printed`, note);
}
