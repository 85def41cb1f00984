// The map on paper: its picture with title, legend, how it was made and whom the outlines are owed to, drawn by the
// browser on a canvas of two pixels a unit, and from there a PNG, or the one page of a PDF.
import type { Map as MapLibre } from 'maplibre-gl';
import { cjkFonts } from './fonts';
import { drawImage } from './images';
import { patterns } from './patterns';
import {
  type Font,
  type Layout,
  type Line,
  layOut,
  type Measure,
  type Rect,
  type Sheet,
  scaleBar,
} from './print-layout';
import { layOutPair, type PairSheet } from './print-pair';
import { pdfOf } from './print-pdf';

/** A picture of a part of the map as it is on the screen. */
export interface Snapshot {
  picture: HTMLCanvasElement;
  width: number; // CSS pixels
  height: number;
  metresPerPixel: number; // CSS pixel at the centre
}

const sharpness = 2; // pixels a unit of the page
const wanted = 1600; // pixels across a picture, about as many as the map has on paper
const patienceMs = 15_000;

/** Waits until the map has drawn everything, but not for ever: a tile may not come. */
const drawn = (map: MapLibre): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, patienceMs);
    map.once('idle', () => {
      clearTimeout(timer);
      resolve();
    });
    map.triggerRepaint();
  });

/** Copies a part of what the map draws, CSS pixels from its upper left corner; undefined when the map is removed before. WebGL forgets a frame once it is on the screen, so it is read while it is drawn. */
export async function snapshotOf(map: MapLibre, part: Rect): Promise<Snapshot | undefined> {
  let there = true;
  const removed = new Promise<undefined>((resolve) => {
    map.once('remove', () => {
      there = false;
      resolve(undefined);
    });
  });
  const before = map.getPixelRatio();
  map.setPixelRatio(Math.max(sharpness, Math.min(2 * sharpness, wanted / part.width)));
  try {
    await Promise.race([drawn(map), removed]);
    if (!there) return undefined;
    const copied = new Promise<Snapshot>((resolve) => {
      map.once('render', () => resolve(copyOf(map, part)));
      map.triggerRepaint();
    });
    return await Promise.race([copied, removed]);
  } finally {
    if (there) map.setPixelRatio(before);
  }
}

function copyOf(map: MapLibre, { x, y, width, height }: Rect): Snapshot {
  const shown = map.getCanvas();
  const scale = shown.width / shown.clientWidth;
  const picture = document.createElement('canvas');
  picture.width = Math.round(width * scale);
  picture.height = Math.round(height * scale);
  context(picture).drawImage(shown, -x * scale, -y * scale);
  const [middleX, middleY] = [x + width / 2, y + height / 2];
  const [a, b] = [map.unproject([middleX - 50, middleY]), map.unproject([middleX + 50, middleY])];
  return { picture, width, height, metresPerPixel: a.distanceTo(b) / 100 };
}

function context(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const g = canvas.getContext('2d');
  if (g === null) throw new Error('no 2d context');
  return g;
}

const fontOf = ({ size, bold }: Font): string => `${bold ? 600 : 400} ${size}px system-ui, ${cjkFonts}`;
const tones: Record<Line['tone'], string> = { ink: '#12181d', quiet: '#4d5860', flag: '#a3122c' };

/** Draws a page. ground: the colour of the map's own ground, on which the legend's colours are seen. */
export const drawPage = (sheet: Sheet, map: Snapshot, ground: string): HTMLCanvasElement =>
  draw((measure) => layOut(sheet, map, measure), [map], ground);

/** Draws a page with two maps of the same part of the ground, the left one first. */
export const drawPair = (sheet: PairSheet, maps: readonly [Snapshot, Snapshot], ground: string): HTMLCanvasElement =>
  draw((measure) => layOutPair(sheet, maps[0], measure), maps, ground);

function draw(place: (measure: Measure) => Layout, maps: readonly Snapshot[], ground: string): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  const g = context(canvas);
  const layout = place((text, font) => {
    g.font = fontOf(font);
    return g.measureText(text).width;
  });
  canvas.width = layout.page.width * sharpness;
  canvas.height = layout.page.height * sharpness;
  g.scale(sharpness, sharpness);
  g.fillStyle = '#ffffff';
  g.fillRect(0, 0, layout.page.width, layout.page.height);
  g.imageSmoothingQuality = 'high';
  for (const [i, at] of layout.maps.entries()) {
    const map = maps[i];
    if (map !== undefined) drawMap(g, map, at);
  }
  for (const key of layout.keys) drawKey(g, key, ground);
  for (const gradient of layout.gradients) drawGradient(g, gradient);
  for (const line of layout.lines) drawLine(g, line);
  return canvas;
}

/** A map with its north arrow and its scale bar. */
function drawMap(g: CanvasRenderingContext2D, map: Snapshot, at: Rect): void {
  const { x, y, width, height } = at;
  g.drawImage(map.picture, x, y, width, height);
  g.strokeStyle = tones.quiet;
  g.lineWidth = 1;
  g.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
  drawNorth(g, x + width - 26, y + 26);
  drawScale(g, at, (map.metresPerPixel * map.width) / width);
}

function drawLine(g: CanvasRenderingContext2D, { x, y, text, font, tone, end }: Line): void {
  g.font = fontOf(font);
  g.fillStyle = tones[tone];
  g.textAlign = end ? 'right' : 'left';
  g.textBaseline = 'alphabetic';
  g.fillText(text, x, y);
  if (tone !== 'flag') return;
  const width = g.measureText(text).width;
  g.strokeStyle = tones.flag;
  g.strokeRect(x - width - 8 + (end ? 0 : width + 8), y - font.size - 3, width + 14, font.size + 11);
}

/** The symbol of a finding as on the map. */
function drawSymbol(g: CanvasRenderingContext2D, { x, y, width, height }: Rect, state: string, color: string): void {
  const image = drawImage(`finding-${state}`, new Map([[state, color]]));
  if (image === null) return;
  const canvas = document.createElement('canvas');
  canvas.width = image.width;
  canvas.height = image.height;
  context(canvas).putImageData(image, 0, 0);
  const side = height + 4;
  g.drawImage(canvas, x + (width - side) / 2, y - 2, side, side);
}

/** A swatch with the same pattern as on the map. */
function drawKey(
  g: CanvasRenderingContext2D,
  { x, y, width, height, key }: Layout['keys'][number],
  ground: string,
): void {
  if (key.symbol !== undefined) return drawSymbol(g, { x, y, width, height }, key.symbol, key.color);
  g.fillStyle = ground;
  g.fillRect(x, y, width, height);
  g.fillStyle = key.color;
  g.fillRect(x, y, width, height);
  const repeated = key.pattern === null ? undefined : patterns[key.pattern];
  if (repeated !== undefined) {
    g.save();
    g.beginPath();
    g.rect(x, y, width, height);
    g.clip();
    g.strokeStyle = 'rgba(108, 118, 126, 0.9)';
    g.lineWidth = 1.2;
    const [scale, path] = [0.7, new Path2D(repeated.path)];
    const step = repeated.size * scale;
    for (let atX = x; atX < x + width; atX += step) {
      for (let atY = y; atY < y + height; atY += step) {
        const placed = new Path2D();
        placed.addPath(path, new DOMMatrix([scale, 0, 0, scale, atX, atY]));
        g.stroke(placed);
      }
    }
    g.restore();
  }
  g.strokeStyle = tones.quiet;
  g.lineWidth = 0.8;
  g.strokeRect(x, y, width, height);
}

function drawGradient(g: CanvasRenderingContext2D, { x, y, width, height, colors }: Layout['gradients'][number]): void {
  const ramp = g.createLinearGradient(x, 0, x + width, 0);
  for (const [i, color] of colors.entries()) ramp.addColorStop(i / Math.max(1, colors.length - 1), color);
  g.fillStyle = ramp;
  g.fillRect(x, y, width, height);
  g.strokeStyle = tones.quiet;
  g.lineWidth = 0.8;
  g.strokeRect(x, y, width, height);
}

/** An arrow to the north: the map is never turned. */
function drawNorth(g: CanvasRenderingContext2D, x: number, y: number): void {
  g.fillStyle = 'rgba(255, 255, 255, 0.88)';
  g.beginPath();
  g.arc(x, y, 18, 0, 2 * Math.PI);
  g.fill();
  g.fillStyle = tones.ink;
  g.fill(new Path2D(`M${x} ${y - 6} ${x + 6} ${y + 12} ${x} ${y + 8} ${x - 6} ${y + 12}z`));
  g.font = fontOf({ size: 10, bold: true });
  g.textAlign = 'center';
  g.textBaseline = 'alphabetic';
  g.fillText('N', x, y - 8);
}

function drawScale(g: CanvasRenderingContext2D, map: Rect, metresPerUnit: number): void {
  const bar = scaleBar(metresPerUnit, Math.min(140, map.width / 4));
  const [x, y] = [map.x + 12, map.y + map.height - 14];
  g.fillStyle = 'rgba(255, 255, 255, 0.88)';
  g.fillRect(x - 6, y - 20, bar.length + 12, 28);
  g.strokeStyle = g.fillStyle = tones.ink;
  g.lineWidth = 1.4;
  g.stroke(new Path2D(`M${x} ${y - 4}v5h${bar.length}v-5`));
  g.font = fontOf({ size: 10, bold: false });
  g.textAlign = 'left';
  g.textBaseline = 'alphabetic';
  g.fillText(bar.label, x + 2, y - 7);
}

const bytesOf = (canvas: HTMLCanvasElement, type: string, quality?: number): Promise<Blob> =>
  new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error('no picture')) : resolve(blob)), type, quality);
  });

/** The page as a picture. */
export const pngOf = (page: HTMLCanvasElement): Promise<Blob> => bytesOf(page, 'image/png');

const pointsPerUnit = 72 / 96;

/** The page as a PDF of one page. */
export async function pdfOfPage(page: HTMLCanvasElement, title: string, lang: string): Promise<Blob> {
  const jpeg = new Uint8Array(await (await bytesOf(page, 'image/jpeg', 0.95)).arrayBuffer());
  const scale = pointsPerUnit / sharpness;
  const file = pdfOf({
    jpeg,
    pixels: { width: page.width, height: page.height },
    size: { width: page.width * scale, height: page.height * scale },
    title,
    lang,
    made: new Date(),
  });
  return new Blob([file], { type: 'application/pdf' });
}
