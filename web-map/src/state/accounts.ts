// What the pages of accounts, tokens and the audit log reckon with: pure functions.
import type { AuditQuery } from '../api/audit';
import type { Account, AuditAction, AuditSubject, Grant, NewGrant, NewToken, Right, Scope } from '../api/types';

export type AccountState = 'all' | 'active' | 'disabled' | 'no-role';

/** Whether a grant is in force at an instant (milliseconds). */
export function grantState({ from, until }: Pick<Grant, 'from' | 'until'>, now: number): 'now' | 'later' | 'ended' {
  if (until && Date.parse(until) <= now) return 'ended';
  return Date.parse(from) > now ? 'later' : 'now';
}

const stateOf = (account: Account, now: number): Exclude<AccountState, 'all'> => {
  if (account.disabled) return 'disabled';
  return account.grants.some((g) => grantState(g, now) === 'now') ? 'active' : 'no-role';
};

/** The accounts whose names hold the text, in that state and with that role ("" for any), by name. */
export function matching(
  accounts: readonly Account[],
  { text, state, role }: { text: string; state: AccountState; role: string },
  now: number,
): Account[] {
  const wanted = text.trim().toLowerCase();
  const fits = (account: Account) =>
    `${account.name}\n${account.display}`.toLowerCase().includes(wanted) &&
    (state === 'all' || stateOf(account, now) === state) &&
    (role === '' || account.grants.some((g) => g.role === role));
  return accounts.filter(fits).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The district's clock is this far ahead of UTC. */
const zone = '+08:00';
const dayMs = 86_400_000;

/** The instant at which a day "2026-03-01" begins on the district's clock, or the day after it; "" for none. */
export function dayEdge(day: string, after = 0): string {
  const at = Date.parse(`${day}T00:00:00${zone}`);
  return Number.isNaN(at) ? '' : new Date(at + after * dayMs).toISOString();
}

/** A grant as the form has it: days, both included, "" for now and for no end. */
export function grantOf(role: string, { level, code }: Scope, from: string, until: string): NewGrant {
  const [begins, ends] = [dayEdge(from), dayEdge(until, 1)];
  return {
    role,
    scope: { level, code: level === 'district' ? '' : code },
    ...(begins && { from: begins }),
    ...(ends && { until: ends }),
  };
}

export type GrantFault = 'no-area' | 'ends-early';

/** What keeps a grant from being given, null for nothing. */
export function grantFault({ scope, from, until }: NewGrant, now: number): GrantFault | null {
  if (scope.level !== 'district' && scope.code === '') return 'no-area';
  return until !== undefined && Date.parse(until) <= Math.max(now, from ? Date.parse(from) : 0) ? 'ends-early' : null;
}

/** The fields of the filter of the audit log; days, both included. */
export interface AuditFilter {
  from: string;
  to: string;
  actor: string;
  action: AuditAction | '';
  subject: AuditSubject | '';
}

export const noFilter: AuditFilter = { from: '', to: '', actor: '', action: '', subject: '' };

/** The question that a filter stands for. */
export function auditQuery({ from, to, actor, action, subject }: AuditFilter): AuditQuery {
  const days = from && to && from > to ? { from: to, to: from } : { from, to };
  return {
    from: dayEdge(days.from),
    to: dayEdge(days.to, 1),
    actor: actor.trim(),
    action,
    subject,
  };
}

/** Rights that a token can have: it never manages sessions, accounts or views. */
export const tokenRights = (rights: readonly Right[]): Right[] =>
  rights.filter((r) => r !== 'manage-accounts' && r !== 'view-as');

export type TokenFault = 'name' | 'rights' | 'area' | 'days';

/** Days that a token can be valid. */
export const maxTokenDays = 365;

/** What keeps a token from being made, null for nothing. */
export function tokenFault({ name, rights, scope, days }: NewToken): TokenFault | null {
  if (name.trim() === '') return 'name';
  if (rights.length === 0) return 'rights';
  if (scope.level !== 'district' && scope.code === '') return 'area';
  return Number.isInteger(days) && days >= 1 && days <= maxTokenDays ? null : 'days';
}
