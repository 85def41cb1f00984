// Who is signed in, with a server that is a table of answers.
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Away, ask, enquire, Problem, reachable, recognised, refused } from '../src/api/http';
import type { Me } from '../src/api/types';
import { loadMeta, meta } from '../src/state/app';
import { newDraft } from '../src/state/draft';
import { draft } from '../src/state/draft-store';
import { followReader } from '../src/state/live';
import {
  beginSession,
  followRefusals,
  keepChosen,
  may,
  me,
  passwordFault,
  reader,
  renewSession,
  session,
  signIn,
  signInFault,
  signOut,
  viewAs,
} from '../src/state/session';

const commander: Me = {
  account: { id: 'a1', name: 'commander', display: '指挥员', must_change_password: false, demo: true },
  roles: [
    {
      role: 'commander',
      title: { zh: '指挥员', en: 'Commander' },
      scope: { level: 'district', code: '', name: '崇明区' },
    },
  ],
  rights: ['look', 'mark', 'export'],
  class: 'command',
  k: 3,
  purpose: 'daily',
  expires_at: '2026-11-24T12:00:00Z',
  view_as: null,
  by_token: false,
};

type Answer = { status?: number; body?: unknown; wait?: number };
let answers: Record<string, Answer | (() => Answer)>;
let asked: string[];
const reload = vi.fn();
const tick = () => new Promise((resolve) => setTimeout(resolve));

beforeEach(() => {
  answers = {};
  asked = [];
  reload.mockReset();
  vi.stubGlobal('fetch', async (path: string, init: RequestInit = {}) => {
    const key = `${init.method ?? 'GET'} ${path}`;
    asked.push(key);
    const found = answers[key];
    if (found === undefined) throw new TypeError('Failed to fetch');
    const { status = 200, body, wait } = typeof found === 'function' ? found() : found;
    const headers = new Headers(wait === undefined ? {} : { 'Retry-After': String(wait) });
    return new Response(status === 204 ? null : JSON.stringify(body ?? {}), { status, headers });
  });
  vi.spyOn(location, 'reload').mockImplementation(reload);
  vi.stubGlobal(
    'EventSource',
    class extends EventTarget {
      static readonly CLOSED = 2;
      close() {}
    },
  );
  sessionStorage.clear();
  location.hash = '';
  reachable.value = recognised.value = true;
  refused.value = null;
  session.value = { state: 'asking' };
});

describe('the start', () => {
  it('asks who is signed in, and nothing else is asked for before', async () => {
    answers['GET /api/session'] = { status: 401 };
    const stop = followReader();
    await beginSession();
    expect(session.value.state).toBe('out');
    expect(asked).toEqual(['GET /api/session']);
    await loadMeta();
    expect(asked).toEqual(['GET /api/session']);
    stop();
  });

  it('offers to try again when the server is away', async () => {
    await beginSession();
    expect(session.value).toMatchObject({ state: 'failed', error: new Away() });
  });

  it('takes up what was asked for before the way led to another provider', async () => {
    location.hash = '#level=towns';
    keepChosen('patrol');
    location.hash = '';
    answers['GET /api/session'] = { body: { ...commander, purpose: '' } };
    answers['POST /api/purpose'] = { body: { ...commander, purpose: 'patrol' } };
    await beginSession();
    expect(location.hash).toBe('#level=towns');
    expect(me.value?.purpose).toBe('patrol');
    expect(sessionStorage.length).toBe(0);
  });
});

describe('signing in', () => {
  it('gives the rights of the roles', async () => {
    answers['POST /api/session'] = { body: commander };
    await signIn('commander', 'x', 'daily');
    expect(may('mark')).toBe(true);
    expect(may('import')).toBe(false);
    expect(reader.value).not.toBeNull();
  });

  it.each([
    [{ status: 401 }, 'wrong'],
    [{ status: 403 }, 'disabled'],
    [{ status: 429, wait: 7 }, 'throttled'],
    [{ status: 500 }, 'other'],
    [undefined, 'away'],
  ] as const)('says what went wrong: %j', async (answer, fault) => {
    if (answer) answers['POST /api/session'] = answer;
    const error = await signIn('x', 'y', 'daily').catch((cause: Error) => cause);
    expect(signInFault(error as Error)).toBe(fault);
    if (fault === 'throttled') expect((error as Problem).waitS).toBe(7);
    expect(refused.value).toBeNull(); // the page has no notice of it: the form says it
  });

  it('shows no map before the first password is changed', async () => {
    const account = { ...commander.account, must_change_password: true };
    answers['POST /api/session'] = { body: { ...commander, account } };
    await signIn('commander', 'x', 'daily');
    expect(me.value).not.toBeNull();
    expect(reader.value).toBeNull();
  });
});

describe('a session that ends', () => {
  const start = async () => {
    answers['POST /api/session'] = { body: commander };
    answers['GET /api/meta'] = { body: { layers: [], indicators: [] } };
    await signIn('commander', 'x', 'daily');
  };

  it('returns to signing in with any 401, and keeps the draft', async () => {
    const stops = [followRefusals(), followReader()];
    await start();
    await tick();
    expect(meta.value).not.toBeNull();
    draft.value = { ...newDraft('id', 'unknown', 'foot', new Date()), corners: [[121.5, 31.6]] };
    answers['GET /api/legend'] = { status: 401 };
    await expect(ask('/api/legend')).rejects.toThrow(Problem);
    expect(session.value.state).toBe('out');
    expect(meta.value).toBeNull();
    expect(draft.value?.corners).toHaveLength(1);
    await start();
    expect(session.value.state).toBe('in');
    expect(draft.value?.corners).toHaveLength(1);
    expect(reload).not.toHaveBeenCalled();
    for (const stop of stops) stop();
  });

  it('begins the page anew for another account', async () => {
    await start();
    answers['POST /api/session'] = { body: { ...commander, account: { ...commander.account, id: 'a2' } } };
    await signIn('patrol', 'x', 'daily');
    expect(reload).toHaveBeenCalledOnce();
    expect(me.value?.account.id).toBe('a1');
  });

  it('stays while the server is away', async () => {
    await start();
    await renewSession();
    expect(session.value.state).toBe('in');
  });

  it('looks again at the rights after a refusal', async () => {
    const stop = followRefusals();
    await start();
    answers['GET /api/session'] = { body: { ...commander, rights: ['look'] } };
    answers['POST /api/findings'] = { status: 403, body: { detail: 'the right mark is missing' } };
    await ask('/api/findings', { method: 'POST' }).catch(() => undefined);
    expect(refused.value?.message).toBe('the right mark is missing');
    await tick();
    expect(may('mark')).toBe(false);
    stop();
  });

  it('is dropped with everything on the page when somebody signs out', async () => {
    await start();
    answers['DELETE /api/session'] = { status: 204 };
    await signOut(false);
    expect(reload).toHaveBeenCalledOnce();
    await expect(signOut(true)).rejects.toThrow(Away);
    expect(reload).toHaveBeenCalledOnce();
  });
});

describe('the reader', () => {
  it('is another for another view, and the same for another purpose', async () => {
    answers['POST /api/session'] = { body: commander };
    await signIn('commander', 'x', 'daily');
    const before = reader.value;
    session.value = { state: 'in', me: { ...commander, purpose: 'audit', expires_at: '2027-01-01T00:00:00Z' } };
    expect(reader.value).toBe(before);
    const view_as = { role: 'volunteer', scope: { level: 'district', code: '' }, by: 'admin' };
    answers['POST /api/view-as'] = { body: { ...commander, view_as } };
    await viewAs('volunteer', { level: 'district', code: '', name: 'not sent' });
    expect(reader.value).not.toBe(before);
  });

  it('drops what the one before was shown, also when that answer comes late', async () => {
    const stop = followReader();
    let answer: (r: Response) => void = () => {};
    answers['POST /api/session'] = { body: commander };
    vi.stubGlobal('fetch', (path: string) =>
      path === '/api/meta'
        ? new Promise<Response>((resolve) => {
            answer = resolve;
          })
        : Promise.resolve(new Response(JSON.stringify(commander))),
    );
    await signIn('commander', 'x', 'daily');
    session.value = { state: 'out' };
    answer(new Response('{"layers":[],"indicators":[]}'));
    await tick();
    expect(meta.value).toBeNull();
    stop();
  });
});

it('an enquiry says no to its asker alone', async () => {
  answers['GET /x'] = { status: 401 };
  await expect(enquire('/x')).rejects.toThrow(Problem);
  expect(recognised.value).toBe(true);
  await expect(ask('/x')).rejects.toThrow(Problem);
  expect(recognised.value).toBe(false);
});

it.each([
  ['short', 'name', 'old', 'elevenchars', 'elevenchars'],
  ['name', 'commander-001', 'old', 'Commander-001', 'Commander-001'],
  ['same', 'name', 'the same words', 'the same words', 'the same words'],
  ['differs', 'name', 'old', 'twelve chars', 'twelve chairs'],
  [null, 'name', 'old', '十二个字的一句话也是可以的', '十二个字的一句话也是可以的'],
])('a new password: %s', (fault, name, old, next, again) => {
  expect(passwordFault(name, old, next, again)).toBe(fault);
});
