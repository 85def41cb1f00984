// Who is signed in: the session, its purpose, and what belongs to the account itself.
import { ask, enquire, post, posting, remove } from './http';
import type { Me, NewToken, OpenSession, Scope, SignInfo, Token } from './types';

export const signInfo = (signal: AbortSignal): Promise<SignInfo> => enquire('/api/sign-in', { signal });

/** Where the sign-in at another provider begins: a page, not a question. */
export const providerPath = (id: string): string => `/api/oidc/${encodeURIComponent(id)}/start`;

export const session = (): Promise<Me> => enquire('/api/session');
export const signIn = (name: string, password: string, purpose: string): Promise<Me> =>
  enquire('/api/session', posting({ name, password, purpose }));
export const signOut = (): Promise<void> => remove('/api/session');
export const signOutEverywhere = (): Promise<void> => remove('/api/sessions');
export const changePassword = (old: string, next: string): Promise<Me> =>
  enquire('/api/password', posting({ old, new: next }));
export const setPurpose = (purpose: string): Promise<Me> => post('/api/purpose', { purpose });

export const viewAs = (role: string, { level, code }: Scope): Promise<Me> =>
  post('/api/view-as', { role, scope: { level, code } });
export const endViewAs = (): Promise<Me> => remove('/api/view-as');

export const sessions = (signal: AbortSignal): Promise<{ sessions: OpenSession[] }> => ask('/api/sessions', { signal });
export const endSession = (id: string): Promise<void> => remove(`/api/sessions/${id}`);

export const tokens = (signal: AbortSignal): Promise<{ tokens: Token[] }> => ask('/api/tokens', { signal });
export const makeToken = (token: NewToken): Promise<{ id: string; token: string }> => post('/api/tokens', token);
export const revokeToken = (id: string): Promise<void> => remove(`/api/tokens/${id}`);
