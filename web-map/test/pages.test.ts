import { expect, it } from 'vitest';
import { pages } from '../src/state/pages';

const tick = () => new Promise((resolve) => setTimeout(resolve));

/** A log of the numbers 1 to n, three to a page; the answers wait until they are let go. */
function logOf(n: number) {
  const waiting: (() => void)[] = [];
  const asked: [string, number | undefined][] = [];
  let broken = false;
  const log = pages<number, string>(async (query, before) => {
    asked.push([query, before]);
    await new Promise<void>((resolve) => waiting.push(resolve));
    if (broken) throw new Error('no');
    const all = Array.from({ length: n }, (_, i) => n - i).filter((i) => i < (before ?? n + 1));
    const rows = all.slice(0, 3);
    return { rows, next: all.length > 3 ? (rows.at(-1) ?? 0) : 0 };
  });
  const go = async (which = 0) => {
    waiting.splice(which, 1)[0]?.();
    await tick();
  };
  return { log, go, asked, breakIt: (on: boolean) => (broken = on) };
}

it('adds older rows until there are none', async () => {
  const { log, go, asked } = logOf(5);
  log.begin('all');
  expect(log.loading.value).toBe(true);
  log.older(); // nothing to go on from yet
  await go();
  expect(log.rows.value).toEqual([5, 4, 3]);
  expect(log.more.value).toBe(true);
  log.older();
  log.older(); // on its way already
  await go();
  expect(log.rows.value).toEqual([5, 4, 3, 2, 1]);
  expect(log.more.value).toBe(false);
  log.older();
  expect(asked).toEqual([
    ['all', undefined],
    ['all', 3],
  ]);
});

it('an older question never overtakes a newer one', async () => {
  const { log, go } = logOf(9);
  log.begin('first');
  await go();
  log.older();
  log.begin('second');
  await go(1);
  await go(0); // the older rows of the first question, too late
  expect(log.rows.value).toEqual([9, 8, 7]);
});

it('keeps its rows when the next page fails, and asks for the same again', async () => {
  const { log, go, asked, breakIt } = logOf(5);
  log.begin('all');
  await go();
  breakIt(true);
  log.older();
  await go();
  expect(log.fault.value?.message).toBe('no');
  expect(log.rows.value).toEqual([5, 4, 3]);
  breakIt(false);
  log.retry();
  await go();
  expect(log.fault.value).toBeNull();
  expect(log.rows.value).toEqual([5, 4, 3, 2, 1]);
  expect(asked.at(-1)).toEqual(['all', 3]);
});
