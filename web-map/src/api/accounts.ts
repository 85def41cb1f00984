// The accounts of the others, for whoever manages them.
import { ask, post, remove } from './http';
import type { Account, NewGrant } from './types';

export const accounts = (signal: AbortSignal): Promise<{ accounts: Account[] }> => ask('/api/accounts', { signal });

/** Makes an account; the password is for one sign-in. */
export const add = (name: string, display: string): Promise<{ account: Account; password: string }> =>
  post('/api/accounts', { name, display });
export const disable = (id: string): Promise<unknown> => post(`/api/accounts/${id}/disable`);
export const enable = (id: string): Promise<unknown> => post(`/api/accounts/${id}/enable`);

/** A new password for one sign-in. */
export const reset = (id: string): Promise<{ password: string }> => post(`/api/accounts/${id}/reset`);
export const signOut = (id: string): Promise<unknown> => post(`/api/accounts/${id}/sign-out`);
export const grant = (id: string, given: NewGrant): Promise<unknown> => post(`/api/accounts/${id}/grants`, given);
export const revoke = (id: string, grantId: string): Promise<unknown> =>
  remove(`/api/accounts/${id}/grants/${grantId}`);
