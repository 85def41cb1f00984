// The picture of a surface: one pixel a cell, from the north-west as pictures are.
import type { AnalysisSurface, Theme } from '../api/types';

/** The colours of a surface from nothing to its highest value. */
type Rgb = [number, number, number];
const stops: Record<Theme, readonly Rgb[]> = {
  light: [
    [255, 247, 210],
    [234, 169, 85],
    [175, 116, 83],
    [106, 73, 74],
    [49, 28, 41],
  ],
  dark: [
    [62, 0, 68],
    [55, 73, 144],
    [0, 138, 200],
    [152, 188, 186],
    [255, 240, 226],
  ],
};

/** The colour of a share 0…1 of the highest value. */
export function shade(share: number, theme: Theme): Rgb {
  const list = stops[theme];
  const at = Math.max(0, Math.min(1, share)) * (list.length - 1);
  const low = Math.min(list.length - 2, Math.floor(at));
  const [a, b]: [Rgb, Rgb] = [list[low] ?? [0, 0, 0], list[low + 1] ?? [0, 0, 0]];
  const mix = (i: 0 | 1 | 2) => Math.round(a[i] + (b[i] - a[i]) * (at - low));
  return [mix(0), mix(1), mix(2)];
}

/** What is hardly anything is clear, so that the ground shows. */
const faintShare = 0.02;

/** The pixels of a surface, RGBA by rows from the north; clear outside of the land. */
export function surfacePixels({ nx, ny, values, most }: AnalysisSurface, theme: Theme): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(nx * ny * 4);
  for (let row = 0; row < ny; row++) {
    for (let x = 0; x < nx; x++) {
      const value = values[(ny - 1 - row) * nx + x];
      if (value === null || value === undefined || !(most > 0)) continue;
      const share = value / most;
      pixels.set([...shade(share, theme), Math.round(255 * Math.min(1, share / faintShare))], (row * nx + x) * 4);
    }
  }
  return pixels;
}

/** A picture for the map. */
export const surfaceImage = (surface: AnalysisSurface, theme: Theme): ImageData =>
  new ImageData(surfacePixels(surface, theme), surface.nx, surface.ny);

/** The colours of the legend of a surface, as a gradient from left to right. */
export const surfaceGradient = (theme: Theme): string =>
  `linear-gradient(to right, ${stops[theme].map((c) => `rgb(${c.join(' ')})`).join(', ')})`;
