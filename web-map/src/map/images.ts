// Draws the images that the style names: findings and cells of findings by their states, and the patterns of values that are not numbers.
import { type Pattern, patterns } from './patterns';
import { cellOutline, inkOn, symbols } from './symbols';

export const pixelRatio = 2;

/** The image of that name, null when there is none. colors: finding state → "#rrggbb". */
export function drawImage(name: string, colors: ReadonlyMap<string, string>): ImageData | null {
  const repeated = patterns[name];
  if (repeated !== undefined) return patternImage(repeated);
  const [kind, state = ''] = name.split('-');
  const symbol = symbols[state];
  if (symbol === undefined) return null;
  const color = colors.get(state) ?? '#8a9299';
  return canvas(28, (g) => {
    g.translate(2, 2);
    g.lineJoin = g.lineCap = 'round';
    if (kind === 'cell') return drawCell(g, color);
    stroke(g, symbol.outline, '#ffffff', 4);
    stroke(g, symbol.outline, '#10161c', 2);
    g.fillStyle = color;
    g.fill(new Path2D(symbol.outline));
    if (symbol.mark) stroke(g, symbol.mark, inkOn(color), 2.4);
  });
}

/** Seen through, so that what is told of the cell can be read on it. */
function drawCell(g: CanvasRenderingContext2D, color: string): void {
  g.fillStyle = 'rgba(255, 255, 255, 0.55)';
  g.fill(new Path2D(cellOutline));
  stroke(g, cellOutline, '#10161c', 5);
  stroke(g, cellOutline, color, 3);
}

function stroke(g: CanvasRenderingContext2D, path: string, color: string, width: number): void {
  g.strokeStyle = color;
  g.lineWidth = width;
  g.stroke(new Path2D(path));
}

/** Grey lines that show on a light and on a dark ground. */
function patternImage({ size, path }: Pattern): ImageData | null {
  return canvas(size, (g) => stroke(g, path, 'rgba(128, 138, 146, 0.85)', 1.2));
}

function canvas(size: number, draw: (g: CanvasRenderingContext2D) => void): ImageData | null {
  const element = document.createElement('canvas');
  element.width = element.height = size * pixelRatio;
  const g = element.getContext('2d', { willReadFrequently: true });
  if (g === null) return null;
  g.scale(pixelRatio, pixelRatio);
  draw(g);
  return g.getImageData(0, 0, element.width, element.height);
}
