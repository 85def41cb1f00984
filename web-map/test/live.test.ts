// The event stream and what the page asks for because of it, with a stream and a map that are objects.
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { following, trouble } from '../src/api/events';
import type { Meta, Touched } from '../src/api/types';
import { meta, revision } from '../src/state/app';
import { type MapCommands, map } from '../src/state/commands';
import { followServer, refreshAfterWrite } from '../src/state/live';

class Stream extends EventTarget {
  static readonly CLOSED = 2;
  static all: Stream[] = [];
  readyState = 1;
  constructor(readonly url: string) {
    super();
    Stream.all.push(this);
  }
  close() {
    this.readyState = Stream.CLOSED;
  }
  say(type: string, data?: unknown) {
    this.dispatchEvent(data === undefined ? new Event(type) : new MessageEvent(type, { data: JSON.stringify(data) }));
  }
}

const first = { layers: { grids: 'g1', findings: 'f1', hexagons: 'h1' } };
const served = {
  indicators: [],
  layers: Object.entries(first.layers).map(([id, revision]) => ({ id, revision, subjects: [], title: {} })),
} as unknown as Meta;

let asked: Touched[][];
let stop: () => void;
const stream = () => Stream.all.at(-1) as Stream;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('EventSource', Stream);
  vi.stubGlobal('fetch', async () => new Response(JSON.stringify(served)));
  Stream.all = [];
  asked = [];
  meta.value = served;
  map.value = { refresh: (touched) => asked.push([...touched]) } as Partial<MapCommands> as MapCommands;
  stop = followServer();
  stream().say('open');
});

afterEach(() => {
  stop();
  vi.advanceTimersByTime(2000); // what is paced rests again
  vi.useRealTimers();
});

it('a change is asked for where it is, and nowhere else', () => {
  stream().say('revisions', first);
  expect(asked).toEqual([]);
  const changed = [{ layer: 'findings', bounds: [[121.5, 31.6, 121.5, 31.6]] }];
  stream().say('change', { changed });
  expect(asked).toEqual([changed]);
});

it('what changed before the first word was heard is asked for', () => {
  stream().say('revisions', { layers: { ...first.layers, grids: 'g2' } });
  expect(asked).toEqual([[{ layer: 'grids' }]]);
});

it('a stream that cannot be resumed is compared with what was heard last, not with what was served since', () => {
  stream().say('revisions', first);
  const later = { ...first.layers, findings: 'f2' };
  meta.value = { ...served, layers: served.layers.map((l) => ({ ...l, revision: 'later' })) };
  stream().say('revisions', { layers: later });
  expect(asked).toEqual([[{ layer: 'findings' }]]);
  asked.length = 0;
  stream().say('revisions', { layers: later });
  expect(asked).toEqual([]);
});

it('what changed since the last words is asked for again: one change more may not have been heard', () => {
  stream().say('revisions', first);
  stream().say('change', { changed: [{ layer: 'findings' }] });
  asked.length = 0;
  stream().say('revisions', { layers: { ...first.layers, findings: 'f2' } });
  expect(asked).toEqual([[{ layer: 'findings' }]]);
});

it('another server has other words: everything is asked for', () => {
  stream().say('revisions', first);
  stream().say('revisions', { layers: { grids: 'x', findings: 'y', hexagons: 'z' } });
  expect(asked).toEqual([[{ layer: 'grids' }, { layer: 'findings' }, { layer: 'hexagons' }]]);
});

it('a storm of changes reaches every tile, but the panels twice a second', () => {
  stream().say('revisions', first);
  const before = revision.value;
  for (let i = 0; i < 100; i++) {
    stream().say('change', { changed: [{ layer: 'findings' }] });
    vi.advanceTimersByTime(10);
  }
  expect(asked).toHaveLength(100);
  vi.advanceTimersByTime(1000);
  expect(revision.value - before).toBe(3);
});

it('what keeps the server from its database is told, and taken back', () => {
  stream().say('problem', { since: '2025-06-01T04:05:06Z', detail: 'away' });
  expect(trouble.value?.since).toBe('2025-06-01T04:05:06Z');
  stream().say('problem', {});
  expect(trouble.value).toBeNull();
});

it('a problem that ended while nobody listened is gone', () => {
  stream().say('problem', { since: '2025-06-01T04:05:06Z', detail: 'away' });
  stream().say('error');
  expect(trouble.value).not.toBeNull();
  stream().say('open');
  expect(trouble.value).toBeNull();
});

it('a stream that the server refused is opened anew, and no other', () => {
  stream().say('error');
  vi.advanceTimersByTime(10_000);
  expect(Stream.all).toHaveLength(1); // it resumes by itself
  stream().readyState = Stream.CLOSED;
  stream().say('error');
  vi.advanceTimersByTime(10_000);
  expect(Stream.all).toHaveLength(2);
  stop();
  expect(stream().readyState).toBe(Stream.CLOSED);
});

it('a write of our own is asked for only when the stream would not tell', () => {
  refreshAfterWrite(['findings']);
  expect(asked).toEqual([]);
  following.value = false;
  refreshAfterWrite(['findings']);
  expect(asked).toEqual([[{ layer: 'findings' }]]);
});

it('a stream that was lost and is back asks who is signed in: rights may be others', () => {
  const paths: string[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    paths.push(path);
    return new Response('{}', { status: 500 });
  });
  stream().say('revisions', first);
  stream().say('error');
  expect(paths).toEqual([]);
  stream().say('open');
  expect(paths).toEqual(['/api/session']);
  stream().say('open');
  expect(paths).toHaveLength(1);
  expect(asked).toEqual([]);
});

it('asks whether anybody is still signed in when the stream is refused', () => {
  const paths: string[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    paths.push(path);
    return new Response('{}', { status: 500 });
  });
  stream().say('error'); // lost, and resumed by itself
  expect(paths).toEqual([]);
  stream().close();
  stream().say('error');
  expect(paths).toEqual(['/api/session']);
});
