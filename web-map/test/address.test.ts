import { describe, expect, it } from 'vitest';
import { type Address, formatAddress, home, isStep, parseAddress } from '../src/state/address';

const full: Address = {
  view: { lon: 121.5, lat: 31.62, zoom: 11.25 },
  level: 'villages',
  indicator: 'density',
  method: 'manual',
  classes: 5,
  breaks: [0.5, 2, 10],
  from: '2024-03',
  to: '2025-02',
  kinds: ['tipoff', 'premises'],
  show: ['heat', 'surveys'],
  picks: ['0', 'suppressed'],
  theme: 'dark',
  lang: 'en',
  selection: { type: 'point', lon: 121.39, lat: 31.62 },
  panel: 'layers',
  run: '0190b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2e',
  against: '0190b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2f',
  keys: false,
};

describe('the address', () => {
  it('is empty for the start view', () => {
    expect(formatAddress(home)).toBe('#');
    expect(parseAddress('')).toEqual(home);
    expect(parseAddress('#')).toEqual(home);
  });

  const others: Partial<Address>[] = [
    {},
    { selection: { type: 'area', level: 'towns', code: '310151101000' } },
    { selection: { type: 'area', level: 'cells', code: '8830991b39fffff' } },
    { selection: { type: 'area', level: 'grids', code: '城桥-W01' } },
    { selection: { type: 'finding', id: '0190b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2e' } },
    { selection: null, panel: null, view: null },
    { show: [] },
    { show: home.show },
    { from: null },
    { to: null },
    { theme: 'auto', lang: 'zh' },
  ];
  it.each(others)('brings back everything: %j', (patch) => {
    const address = { ...full, ...patch };
    expect(parseAddress(formatAddress(address))).toEqual(address);
  });

  it('reads well', () => {
    expect(formatAddress({ ...home, view: full.view, from: '2024-03', to: '2025-02' })).toBe(
      '#map=11.25/31.62000/121.50000&period=2024-03..2025-02',
    );
  });

  const broken: [string, Partial<Address>][] = [
    ['#map=99/31/121', { view: null }],
    ['#map=9/95/121', { view: null }],
    ['#map=9/31', { view: null }],
    ['#map=//', { view: null }],
    ['#level=planets', { level: 'grids' }],
    ['#classes=99', { classes: 6 }],
    ['#classes=4.2', { classes: 4 }],
    ['#breaks=3,x,1,1,,2', { breaks: [1, 2, 3] }],
    ['#period=2025-13..2025-01', { from: null, to: '2025-01' }],
    ['#period=2025-06..2024-01', { from: '2024-01', to: '2025-06' }],
    ['#kind=tipoff,<script>', { kinds: ['tipoff'] }],
    ['#show=heat,lava', { show: ['heat'] }],
    ['#at=point:999,31', { selection: null }],
    ['#at=point:', { selection: null }],
    ['#at=none:31', { selection: null }],
    ['#at=grids:../../etc', { selection: null }],
    ['#panel=kitchen', { panel: null }],
    ['#run=../../etc', { run: null }],
    ['#panel=analysis&run=0190b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2', { panel: 'analysis', run: null }],
  ];
  it.each(broken)('survives %s', (hash, expected) => {
    expect(parseAddress(hash)).toEqual({ ...home, ...expected });
  });

  it('makes a step of a choice, not of a move', () => {
    expect(isStep(full, { ...full, view: null })).toBe(false);
    expect(isStep(full, { ...full, from: null, to: null })).toBe(false);
    expect(isStep(full, { ...full, level: 'towns' })).toBe(true);
    expect(isStep(full, { ...full, panel: null })).toBe(true);
  });
});
