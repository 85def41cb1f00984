import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { onceAFrame, pace } from '../src/state/pace';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('runs at once, then not before the time is over, and then once for all calls meanwhile', () => {
  const run = vi.fn();
  const call = pace(run, 500);
  call();
  expect(run).toHaveBeenCalledTimes(1);
  for (let i = 0; i < 10; i++) call();
  vi.advanceTimersByTime(499);
  expect(run).toHaveBeenCalledTimes(1);
  vi.advanceTimersByTime(1);
  expect(run).toHaveBeenCalledTimes(2);
  call(); // the time runs again from the second
  expect(run).toHaveBeenCalledTimes(2);
  vi.advanceTimersByTime(5000);
  expect(run).toHaveBeenCalledTimes(3);
  call();
  expect(run).toHaveBeenCalledTimes(4);
});

it('runs twice a second under a storm', () => {
  const run = vi.fn();
  const call = pace(run, 500);
  for (let ms = 0; ms < 5000; ms += 10) {
    call();
    vi.advanceTimersByTime(10);
  }
  expect(run.mock.calls.length).toBeGreaterThanOrEqual(10);
  expect(run.mock.calls.length).toBeLessThanOrEqual(11);
});

it('runs once a frame', () => {
  const run = vi.fn();
  const call = onceAFrame(run);
  call();
  call();
  expect(run).not.toHaveBeenCalled();
  vi.advanceTimersToNextFrame();
  expect(run).toHaveBeenCalledTimes(1);
  vi.advanceTimersToNextFrame();
  expect(run).toHaveBeenCalledTimes(1);
  call();
  vi.advanceTimersToNextFrame();
  expect(run).toHaveBeenCalledTimes(2);
});
