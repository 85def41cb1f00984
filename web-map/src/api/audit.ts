// Who did and saw what.
import { ask, withQuery } from './http';
import type { AuditAction, AuditPage, AuditSubject } from './types';

/** What rows are asked for; from and to are RFC 3339, "" for open. */
export interface AuditQuery {
  from: string;
  to: string;
  actor: string;
  action: AuditAction | '';
  subject: AuditSubject | '';
}

/** Rows in one answer. */
export const pageSize = 50;

/** The newest rows, or those before a number. */
export const rows = (query: AuditQuery, before: number | undefined, signal: AbortSignal): Promise<AuditPage> =>
  ask(withQuery('/api/audit', { ...query, before, limit: pageSize }), { signal });

export const csvPath = (query: AuditQuery, purpose: string): string =>
  withQuery('/api/audit.csv', { ...query, purpose });
