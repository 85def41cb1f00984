// Who is signed in, and what that one may do. Everything else on the page follows from it.
import { computed, effect, signal } from '@preact/signals';
import { Away, Problem, recognised, refused } from '../api/http';
import * as api from '../api/session';
import type { Me, Right, Scope, SignInfo } from '../api/types';
import { latest, resource } from './resource';

export type Session =
  | { state: 'asking' }
  | { state: 'out' }
  | { state: 'in'; me: Me }
  | { state: 'failed'; error: Error };

export const session = signal<Session>({ state: 'asking' });

/** Who is signed in; null for nobody. */
export const me = computed(() => (session.value.state === 'in' ? session.value.me : null));

/** Whether whoever is signed in has the right somewhere. */
export const may = (right: Right): boolean => me.value?.rights.includes(right) ?? false;

/** Whether whoever is signed in may ask for analyses: they are of the whole district, so a right in a part is not enough. */
export const mayAnalyse = computed(() => may('analyse') && me.value?.class === 'command');

/**
 * Names who reads and what that one may see: another name, and nothing that was shown before holds. Null while nobody
 * may read: signed out, or with a password that has to be changed first.
 */
export const reader = computed<string | null>(() => {
  const is = me.value;
  if (is === null || is.account.must_change_password) return null;
  const { roles, rights, view_as } = is;
  const areas = roles.map(({ role, scope }) => [role, scope.level, scope.code]);
  return JSON.stringify([is.account.id, is.class, is.k, rights, areas, view_as]);
});

let last: string | null = null; // account that was signed in before

/** Somebody is signed in. What one left on the page is not for another: then the page begins anew. */
function enter(is: Me): void {
  if (last !== null && last !== is.account.id) return location.reload();
  last = is.account.id;
  recognised.value = true;
  session.value = { state: 'in', me: is };
}

/** Asks who is signed in. A session that is known stays while the server is away. */
export async function renewSession(): Promise<void> {
  try {
    enter(await api.session());
  } catch (error) {
    if (error instanceof Problem && error.status === 401) session.value = { state: 'out' };
    else if (session.peek().state !== 'in') session.value = { state: 'failed', error: error as Error };
  }
}

/** Asks at the start, and takes up what was chosen before the way led to another provider. */
export async function beginSession(): Promise<void> {
  session.value = { state: 'asking' };
  await renewSession();
  const chosen = takeChosen();
  if (me.peek() !== null && chosen !== null) {
    if (location.hash === '' && chosen.hash !== '') location.hash = chosen.hash;
    if (chosen.purpose !== me.peek()?.purpose) await setPurpose(chosen.purpose).catch(() => undefined); // the account menu shows it
  }
}

export const signIn = async (name: string, password: string, purpose: string): Promise<void> =>
  enter(await api.signIn(name, password, purpose));

export const changePassword = async (old: string, next: string): Promise<void> =>
  enter(await api.changePassword(old, next));

export const setPurpose = async (purpose: string): Promise<void> => enter(await api.setPurpose(purpose));

export const viewAs = async (role: string, scope: Scope): Promise<void> => enter(await api.viewAs(role, scope));
export const endViewAs = async (): Promise<void> => enter(await api.endViewAs());

/** Signs out, here or everywhere; the page begins anew, so that nothing of what was shown stays in its memory. */
export async function signOut(everywhere: boolean): Promise<void> {
  try {
    await (everywhere ? api.signOutEverywhere() : api.signOut());
  } catch (error) {
    if (!(error instanceof Problem && error.status === 401)) throw error; // signed out already
  }
  location.reload();
}

/** Follows what the answers to all questions say of the session. */
export function followRefusals(): () => void {
  const stops = [
    effect(() => {
      if (!recognised.value && session.peek().state === 'in') session.value = { state: 'out' };
    }),
    effect(() => {
      if (refused.value !== null) void renewSession(); // the rights may be others by now
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

const chosenKey = 'wangge-sign-in';

interface Chosen {
  hash: string;
  purpose: string;
}

/** Keeps what was asked for while the way leads over another provider's pages: for this tab, not for the server. */
export function keepChosen(purpose: string): void {
  sessionStorage.setItem(chosenKey, JSON.stringify({ hash: location.hash, purpose } satisfies Chosen));
}

function takeChosen(): Chosen | null {
  const text = sessionStorage.getItem(chosenKey);
  sessionStorage.removeItem(chosenKey);
  return text === null ? null : (JSON.parse(text) as Chosen);
}

const infoWanted = signal(false);

/** The table of roles, the purposes, and the ways to sign in: asked for when first wanted. */
export const signInfo = resource<SignInfo>(
  () => (infoWanted.value ? 'sign-in' : null),
  (_, abort) => api.signInfo(abort),
);
export const wantSignInfo = (): void => {
  infoWanted.value = true;
};

/** The same, once it is there. */
export const info = computed(() => latest(signInfo.loaded.value));

export type SignInFault = 'wrong' | 'disabled' | 'throttled' | 'away' | 'other';

/** What kept somebody from signing in. */
export function signInFault(error: Error): SignInFault {
  if (error instanceof Away) return 'away';
  if (!(error instanceof Problem)) return 'other';
  const faults: Record<number, SignInFault> = { 401: 'wrong', 403: 'disabled', 429: 'throttled' };
  return faults[error.status] ?? 'other';
}

/** Length that a password has to have. */
export const minPassword = 12;

export type PasswordFault = 'short' | 'name' | 'same' | 'differs';

/** What is wrong with a new password before it is sent; the server looks for common ones too. Null for nothing. */
export function passwordFault(name: string, old: string, next: string, again: string): PasswordFault | null {
  if ([...next].length < minPassword) return 'short';
  if (next.toLowerCase() === name.toLowerCase()) return 'name';
  if (next === old) return 'same';
  return next === again ? null : 'differs';
}
