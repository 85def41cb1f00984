import { signal } from '@preact/signals';
import { describe, expect, it } from 'vitest';
import { csvPath } from '../src/api/audit';
import { Problem, problemOf, withQuery } from '../src/api/http';
import { explainPath, exportPath, legendPath, stylePath } from '../src/api/wangge';
import { outdated } from '../src/state/live';
import { latest, resource } from '../src/state/resource';
import { uuid } from '../src/state/uuid';

const classing = { level: 'grids', indicator: 'risk', method: 'quantile', classes: 6, breaks: [1, 2] };

describe('addresses of the server', () => {
  it.each([
    [withQuery('/a', {}), '/a'],
    [withQuery('/a', { b: '', c: undefined, d: 0 }), '/a?d=0'],
    [withQuery('/a', { q: '滧 & co', l: 'x,y' }), '/a?q=%E6%BB%A7%20%26%20co&l=x,y'],
    [
      stylePath(classing, { kinds: [] }, [], 'dark', 'zh'),
      '/styles/dark-zh.json?level=grids&indicator=risk&method=quantile&classes=6&show=none',
    ],
    [
      stylePath(
        { ...classing, level: 'none' },
        { from: '2025-01', to: '2025-02', kinds: ['a', 'b'] },
        ['heat'],
        'light',
        'en',
      ),
      '/styles/light-en.json?level=none&from=2025-01&to=2025-02&kind=a,b&show=heat',
    ],
    [
      legendPath({ ...classing, method: 'manual' }, 'light', 'zh'),
      '/api/legend?level=grids&indicator=risk&method=manual&classes=6&breaks=1,2&theme=light&lang=zh',
    ],
    [explainPath('grids', 'G-1', { kinds: [] }), '/api/explain?level=grids&code=G-1'],
    [
      explainPath('cells', '8830e1', { from: '2025-01', kinds: ['a', 'b'] }),
      '/api/explain?level=cells&code=8830e1&from=2025-01&kind=a,b',
    ],
    [exportPath('findings', 'verify'), '/api/export/findings.csv?purpose=verify'],
    [
      csvPath({ from: '', to: '2026-03-31T16:00:00.000Z', actor: '', action: 'export', subject: '' }, 'audit'),
      '/api/audit.csv?to=2026-03-31T16%3A00%3A00.000Z&action=export&purpose=audit',
    ],
  ])('%s', (got, expected) => expect(got).toBe(expected));

  it('errors carry the sentence for the reader', () => {
    expect(problemOf(422, '{"title":"Invalid","detail":"the place is outside the district"}')).toEqual(
      new Problem(422, 'the place is outside the district'),
    );
    expect(problemOf(502, '<html>').message).toBe('HTTP 502');
  });
});

describe('a resource', () => {
  const tick = () => new Promise((resolve) => setTimeout(resolve));

  it('never lets an older answer overtake a newer one', async () => {
    const key = signal<string | null>('slow');
    const waiting = new Map<string, (value: string) => void>();
    const { loaded } = resource(
      () => key.value,
      (k) => new Promise<string>((resolve) => waiting.set(k, resolve)),
    );
    key.value = 'fast';
    waiting.get('fast')?.('the fast answer');
    waiting.get('slow')?.('the slow answer');
    await tick();
    expect(loaded.value).toEqual({ state: 'ready', value: 'the fast answer' });
  });

  it('keeps the last answer while it asks again, and when that fails', async () => {
    const key = signal<string | null>('a');
    const { loaded, reload } = resource(
      () => key.value,
      async (k) => {
        if (k === 'b') throw new Error('no');
        return k;
      },
    );
    await tick();
    key.value = 'b';
    expect(loaded.value).toEqual({ state: 'loading', stale: 'a' });
    await tick();
    expect(loaded.value).toMatchObject({ state: 'failed', stale: 'a' });
    expect(latest(loaded.value)).toBe('a');
    reload();
    expect(loaded.value.state).toBe('loading');
    key.value = null;
    expect(loaded.value).toEqual({ state: 'empty' });
  });
});

describe('words of layers', () => {
  const words = (layers: Record<string, string>) => new Map(Object.entries(layers));
  const shown = { grids: 'a', heat: 'b', labels: 'c' };
  it.each([
    ['nothing new', shown, []],
    ['another word', { ...shown, grids: 'd' }, ['grids']],
    ['a layer that is not known', { ...shown, cells: 'a' }, ['cells']],
    ['another server', { grids: 'x', heat: 'y', labels: 'z' }, ['grids', 'heat', 'labels']],
  ])('%s', (_, heard, expected) => expect(outdated(words(shown), words(heard))).toEqual(expected));
});

it('ids are UUIDs of version 7 and in the order of time', () => {
  const [a, b] = [uuid(1_700_000_000_000), uuid(1_700_000_000_001)];
  for (const id of [a, b]) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(a < b).toBe(true);
  expect(a.slice(0, 13)).toBe('018bcfe5-6800');
});
