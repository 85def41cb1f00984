// Draws the images that the style names: finding states, and the patterns of values that are not numbers.
import { inkOn, symbols } from './symbols';

export const pixelRatio = 2;

/** The image of that name, null when there is none. colors: finding state → "#rrggbb". */
export function drawImage(name: string, colors: ReadonlyMap<string, string>): ImageData | null {
  if (name === 'hatch') return pattern(12, (g) => g.stroke(new Path2D('M-2 8 8-2M-2 14 14-2M4 14 14 4')));
  if (name === 'notlooked') return pattern(16, (g) => g.stroke(new Path2D('M8 5.500a2.500 2.500 0 1 0 .01 0z')));
  const state = name.startsWith('finding-') ? name.slice('finding-'.length) : '';
  const symbol = symbols[state];
  if (symbol === undefined) return null;
  const color = colors.get(state) ?? '#8a9299';
  return canvas(28, (g) => {
    g.translate(2, 2);
    g.lineJoin = g.lineCap = 'round';
    stroke(g, symbol.outline, '#ffffff', 4);
    stroke(g, symbol.outline, '#10161c', 2);
    g.fillStyle = color;
    g.fill(new Path2D(symbol.outline));
    if (symbol.mark) stroke(g, symbol.mark, inkOn(color), 2.4);
  });
}

function stroke(g: CanvasRenderingContext2D, path: string, color: string, width: number): void {
  g.strokeStyle = color;
  g.lineWidth = width;
  g.stroke(new Path2D(path));
}

/** Grey lines that show on a light and on a dark ground. */
function pattern(size: number, draw: (g: CanvasRenderingContext2D) => void): ImageData | null {
  return canvas(size, (g) => {
    g.strokeStyle = 'rgba(128, 138, 146, 0.85)';
    g.lineWidth = 1.2;
    draw(g);
  });
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
