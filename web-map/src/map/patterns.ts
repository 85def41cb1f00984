// The patterns that lie over a value that is not a number: one source for the map's images and the legend's swatches.

export interface Pattern {
  size: number; // of the square that repeats, CSS pixels on the map
  path: string; // stroked
}

export const patterns: Record<string, Pattern> = {
  hatch: { size: 12, path: 'M-2 8 8-2M-2 14 14-2M4 14 14 4' },
  notlooked: { size: 16, path: 'M8 5.500a2.500 2.500 0 1 0 .01 0z' },
  suppressed: {
    size: 20,
    path: 'M5.500 9h9v6h-9zM7.500 9V7a2.500 2.500 0 0 1 5 0v2M-1 1 1-1M19 21 21 19M0 20 3 17M17 3 20 0',
  },
  dots: { size: 12, path: 'M3 2.500a.7.7 0 1 0 .01 0zM9 8.500a.7.7 0 1 0 .01 0z' },
  band: { size: 12, path: 'M0 3h12M0 9h12' },
};
