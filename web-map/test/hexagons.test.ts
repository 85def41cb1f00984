import { expect, it } from 'vitest';
import { type Densities, HexagonColours } from '../src/map/hexagons';

function fake() {
  const sets: [number, number | null][] = [];
  const idle: (() => void)[] = [];
  const colours = new HexagonColours({
    set: (id, density) => sets.push([id, density]),
    whenIdle: (run) => idle.push(run),
  });
  const show = (z: number, of: [number, number][]) => {
    colours.show({ z, of: new Map(of) } satisfies Densities);
    return sets.splice(0);
  };
  const settle = () => {
    for (const run of idle.splice(0)) run();
    return sets.splice(0);
  };
  return { show, settle };
}

it('sets only what differs, and clears what is gone', () => {
  const { show, settle } = fake();
  show(10, [
    [1, 5],
    [2, 6],
    [3, 7],
  ]);
  settle();
  expect(
    show(10, [
      [1, 5],
      [2, 9],
      [4, 1],
    ]),
  ).toEqual([
    [2, 9],
    [4, 1],
    [3, null],
  ]);
  expect(show(0, [])).toEqual([
    [1, null],
    [2, null],
    [4, null],
  ]);
});

it('keeps the colours of the zoom before until the tiles of the new one are there', () => {
  const { show, settle } = fake();
  show(10, [
    [1, 5],
    [2, 6],
  ]);
  settle();
  expect(
    show(11, [
      [2, 6],
      [30, 8],
    ]),
  ).toEqual([[30, 8]]);
  expect(settle()).toEqual([[1, null]]);
});

it('what came back before the map was idle is not cleared', () => {
  const { show, settle } = fake();
  show(10, [[1, 5]]);
  settle();
  show(11, [[30, 8]]);
  show(10, [[1, 5]]);
  expect(settle()).toEqual([[30, null]]);
});
