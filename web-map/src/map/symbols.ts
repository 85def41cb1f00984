// The shapes of the finding states: one source for the map's icons and the panels' symbols. Each state has a shape of
// its own besides its colour, so that it can be told without colour. Paths live in a box of 24 × 24.

export interface StateShape {
  outline: string; // filled with the state's colour
  mark: string; // stroked on top, '' for none
}

export const symbols: Record<string, StateShape> = {
  spotted: { outline: 'M12 2.500 22.500 21h-21z', mark: 'M12 9.500v5M12 17.500v.2' },
  assigned: { outline: 'M12 1.500 22.500 12 12 22.500 1.500 12z', mark: 'M8 12h7.500M12.500 8.500 16 12l-3.500 3.500' },
  ground_checked: { outline: 'M3.500 3.500h17v17h-17z', mark: 'M12 8.300a3.700 3.700 0 1 0 .01 0z' },
  confirmed: { outline: 'M8 2h8l6 6v8l-6 6H8l-6-6V8z', mark: 'M12 6.500v7.500M12 17.300v.2' },
  eradicated: {
    outline:
      'M6.500 2 12 7.500 17.500 2 22 6.500 16.500 12l5.500 5.500-4.500 4.500-5.500-5.500L6.500 22 2 17.500 7.500 12 2 6.500z',
    mark: '',
  },
  re_inspected: {
    outline:
      'M12 1.500l3.200 6.700 7.300 1-5.300 5.100 1.300 7.300L12 18.100l-6.500 3.500 1.300-7.300L1.500 9.200l7.300-1z',
    mark: '',
  },
  closed: { outline: 'M12 4a8 8 0 1 0 .01 0z', mark: 'M8 12.2l2.800 2.800 5-5.800' },
  dismissed: { outline: 'M8.500 6h7l3.500 6-3.500 6h-7L5 12z', mark: 'M9 12h6' },
};

/** A cell that holds findings: an outline in the state's colour, so that it is not taken for a finding. */
export const cellOutline = 'M12 2.500 20.500 7.250v9.500L12 21.500 3.500 16.750V7.250z';

/** Black or white, whichever reads better on "#rrggbb" (relative luminance, WCAG 2). */
export function inkOn(color: string): string {
  const channel = (at: number): number => {
    const c = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5) > 0.179 ? '#10161c' : '#ffffff';
}
