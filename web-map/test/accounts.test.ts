import { describe, expect, it } from 'vitest';
import type { Account, Grant, NewToken } from '../src/api/types';
import {
  auditQuery,
  dayEdge,
  grantFault,
  grantOf,
  grantState,
  matching,
  noFilter,
  tokenFault,
  tokenRights,
} from '../src/state/accounts';
import { fileName } from '../src/state/download';
import { agent } from '../src/state/format';

const now = Date.parse('2026-11-24T04:00:00Z');
const grant = (role: string, from: string, until: string | null): Grant => ({
  id: role,
  role,
  scope: { level: 'district', code: '', name: '崇明区' },
  from,
  until,
});
const account = (name: string, more: Partial<Account> = {}): Account => ({
  id: name,
  name,
  display: name.toUpperCase(),
  disabled: false,
  must_change: false,
  demo: false,
  grants: [grant('patrol', '2026-01-01T00:00:00Z', null)],
  last_seen: null,
  ...more,
});

describe('a grant', () => {
  it.each([
    ['2026-01-01T00:00:00Z', null, 'now'],
    ['2026-11-24T04:00:00Z', null, 'now'],
    ['2026-11-24T04:00:01Z', null, 'later'],
    ['2026-01-01T00:00:00Z', '2026-11-24T04:00:00Z', 'ended'],
    ['2026-01-01T00:00:00Z', '2026-11-24T04:00:01Z', 'now'],
  ] as const)('from %s until %s: %s', (from, until, state) => expect(grantState({ from, until }, now)).toBe(state));

  it('is for whole days on the clock of Shanghai, the last one included', () => {
    expect(dayEdge('2026-03-01')).toBe('2026-02-28T16:00:00.000Z');
    expect(dayEdge('', 1)).toBe('');
    const scope = { level: 'towns', code: '310151105000', name: '竖新镇' } as const;
    expect(grantOf('patrol', scope, '2026-03-01', '2026-03-01')).toEqual({
      role: 'patrol',
      scope: { level: 'towns', code: '310151105000' },
      from: '2026-02-28T16:00:00.000Z',
      until: '2026-03-01T16:00:00.000Z',
    });
    expect(grantOf('auditor', { level: 'district', code: '310151000000' }, '', '')).toEqual({
      role: 'auditor',
      scope: { level: 'district', code: '' },
    });
  });

  it.each([
    [{ level: 'towns', code: '' }, '', '', 'no-area'],
    [{ level: 'district', code: '' }, '', '', null],
    [{ level: 'district', code: '' }, '', '2026-11-24', null],
    [{ level: 'district', code: '' }, '', '2026-11-23', 'ends-early'],
    [{ level: 'district', code: '' }, '2026-12-02', '2026-12-01', 'ends-early'],
    [{ level: 'district', code: '' }, '2026-12-01', '2026-12-01', null],
  ] as const)('%j from %s until %s: %s', (scope, from, until, fault) =>
    expect(grantFault(grantOf('patrol', scope, from, until), now)).toBe(fault),
  );
});

describe('the list of accounts', () => {
  const all = [
    account('bravo', { disabled: true }),
    account('alpha'),
    account('charlie', { grants: [] }),
    account('delta', { grants: [grant('auditor', '2027-01-01T00:00:00Z', null)] }),
  ];
  it.each([
    ['', 'all', '', ['alpha', 'bravo', 'charlie', 'delta']],
    [' ALPH ', 'all', '', ['alpha']],
    ['', 'active', '', ['alpha']],
    ['', 'disabled', '', ['bravo']],
    ['', 'no-role', '', ['charlie', 'delta']],
    ['', 'all', 'auditor', ['delta']],
    ['x', 'all', '', []],
  ] as const)('%j %s %s', (text, state, role, names) =>
    expect(matching(all, { text, state, role }, now).map((a) => a.name)).toEqual(names),
  );
});

describe('a token', () => {
  const token: NewToken = {
    name: 'QGIS',
    purpose: 'daily',
    rights: ['look'],
    scope: { level: 'district', code: '' },
    days: 90,
  };
  it.each([
    [{}, null],
    [{ name: ' ' }, 'name'],
    [{ rights: [] }, 'rights'],
    [{ scope: { level: 'towns', code: '' } }, 'area'],
    [{ days: 0 }, 'days'],
    [{ days: 366 }, 'days'],
    [{ days: 1.5 }, 'days'],
    [{ days: Number.NaN }, 'days'],
    [{ days: 365 }, null],
  ] as [Partial<NewToken>, string | null][])('%j: %s', (more, fault) =>
    expect(tokenFault({ ...token, ...more })).toBe(fault),
  );

  it('never manages accounts or views', () => {
    expect(tokenRights(['look', 'manage-accounts', 'view-as', 'operate'])).toEqual(['look', 'operate']);
  });
});

it('the audit log is asked for by whole days, in either order', () => {
  expect(auditQuery(noFilter)).toEqual({ from: '', to: '', actor: '', action: '', subject: '' });
  const asked = { ...noFilter, from: '2026-03-31', to: '2026-03-01', actor: ' admin ', subject: 'grids' as const };
  expect(auditQuery(asked)).toEqual({
    from: '2026-02-28T16:00:00.000Z',
    to: '2026-03-31T16:00:00.000Z',
    actor: 'admin',
    action: '',
    subject: 'grids',
  });
});

it('a file is named by the day in Shanghai', () => {
  expect(fileName('grids', new Date('2026-03-31T18:00:00Z'))).toBe('wangge-grids-2026-04-01.csv');
});

it.each([
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36',
    'Chrome 141 · Windows',
  ],
  [
    'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0',
    'Edge 141 · Windows',
  ],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox 140 · Linux'],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1',
    'Safari 18 · iOS',
  ],
  ['curl/8.5.0', 'curl/8.5.0'],
  ['', ''],
])('the program of %s', (header, expected) => expect(agent(header)).toBe(expected));
