// A page with two maps of the same part of the ground at one scale: numbers alone, as in print-layout.ts. Of all ways
// to put them there it takes the one with the largest maps beside which all that is written has room.
import {
  Column,
  emptyPage,
  type Font,
  type Frame,
  fitted,
  fonts,
  frameIn,
  gap,
  type Layout,
  type Legend,
  legendIn,
  lineOf,
  type Measure,
  type Rect,
  type Section,
  sectionsIn,
  wrap,
} from './print-layout';

/** What is written over one of the two maps. */
export interface Caption {
  title: string; // which side, and of what
  subtitle: string; // period, units, edition, what was counted
}

/** What is printed beside two maps. */
export interface PairSheet extends Frame {
  captions: readonly [Caption, Caption];
  legends: readonly Legend[];
  sections: readonly Section[];
}

/** A shape of a map: only how its sides relate matters. */
interface Shape {
  width: number;
  height: number;
}

/** A way to put two maps on a page. */
interface Plan {
  lying: boolean; // the page
  inRow: boolean; // the maps side by side, not one above the other
  beside: boolean; // the text right of the maps, not below them
  share: number; // of the width (beside) or height that the maps may take at most
}

const shares = Array.from({ length: 25 }, (_, i) => 0.9 - i / 40); // to 0.3
const either = [true, false] as const;
const plans: readonly Plan[] = either.flatMap((lying) =>
  either.flatMap((inRow) => either.flatMap((beside) => shares.map((share) => ({ lying, inRow, beside, share })))),
);

const leastShare = 0.15; // of the area of the largest map that is still worth printing
const columnWidth = 200; // at least
const worthColumns = 150; // height below the maps that is worth columns of text

/** Puts a sheet and two maps of one shape on a page of A4; the left one is the first of its maps. */
export function layOutPair(sheet: PairSheet, shape: Shape, measure: Measure): Layout {
  const placed = plans.map((plan) => withMaps(plan, sheet, shape, measure));
  placed.sort((a, b) => b.area - a.area);
  const least = leastShare * (placed[0]?.area ?? 0);
  let fullest = emptyPage(true); // where no page has room for all of the text
  for (const { layout, columns, area } of placed) {
    const [first, ...later] = columns;
    if (first === undefined || area < least) continue;
    const text = new Column([first, ...later], measure, layout);
    for (const legend of sheet.legends) legendIn(text, legend);
    sectionsIn(text, sheet.sections);
    if (!text.full) return layout;
    if (layout.lines.length > fullest.lines.length) fullest = layout;
  }
  return fullest;
}

/** A page by a plan with all but its text; the columns that are left for that, and how large a map is. */
function withMaps(plan: Plan, sheet: PairSheet, shape: Shape, measure: Measure) {
  const layout = emptyPage(plan.lying);
  const room = frameIn(sheet, measure, layout);
  const most = plan.beside
    ? { ...room, width: room.width * plan.share }
    : { ...room, height: room.height * plan.share };
  const block = mapsIn(most, plan.inRow, sheet.captions, shape, measure, layout);
  const [map] = layout.maps;
  const area = map === undefined ? 0 : map.width * Math.max(0, map.height);
  return { layout, columns: columnsAround(block, room, plan.beside), area };
}

/** Puts the maps with their captions into a box, as large as they can be; what they take of it. */
function mapsIn(
  most: Rect,
  inRow: boolean,
  captions: PairSheet['captions'],
  shape: Shape,
  measure: Measure,
  out: Layout,
): Rect {
  const cell = inRow ? { ...most, width: (most.width - gap) / 2 } : { ...most, height: (most.height - gap) / 2 };
  const written = (width: number) => captions.map((caption) => captionLines(caption, width, measure));
  const heightOf = (width: number) => Math.max(...written(width).map(captionHeight));
  let head = heightOf(cell.width);
  let map = fitted(shape, { ...cell, height: cell.height - head });
  while (map.height > 0 && heightOf(map.width) > head) {
    head = heightOf(map.width); // a narrower map needs more lines over it, and is lower for that
    map = fitted(shape, { ...cell, height: cell.height - head });
  }
  const step = inRow ? { x: map.width + gap, y: 0 } : { x: 0, y: head + map.height + gap };
  for (const [i, lines] of written(map.width).entries()) {
    const [x, y] = [most.x + i * step.x, most.y + i * step.y];
    let base = y;
    for (const { text, font } of lines) {
      base += lineOf(font);
      out.lines.push({ x, y: base - font.size * 0.3, text, font, tone: font.bold ? 'ink' : 'quiet' });
    }
    out.maps.push({ ...map, x, y: y + head });
  }
  return { x: most.x, y: most.y, width: step.x + map.width, height: step.y + head + map.height };
}

function captionLines({ title, subtitle }: Caption, width: number, measure: Measure): { text: string; font: Font }[] {
  const lines = (text: string, font: Font) =>
    wrap(text, width, (part) => measure(part, font)).map((line) => ({ text: line, font }));
  return [...lines(title, fonts.head), ...lines(subtitle, fonts.small)];
}

const captionHeight = (lines: readonly { font: Font }[]): number =>
  lines.reduce((sum, { font }) => sum + lineOf(font), 4);

/** The columns of text in what the maps leave of the room, in the order in which they are read. */
function columnsAround(maps: Rect, room: Rect, beside: boolean): Rect[] {
  const right = maps.x + maps.width + gap;
  const under = maps.y + maps.height + gap;
  const widthLeft = room.x + room.width - right;
  const heightLeft = room.y + room.height - under;
  const rightOf = columnsIn({ x: right, y: maps.y, width: widthLeft, height: beside ? room.height : maps.height });
  const below = columnsIn({ x: maps.x, y: under, width: beside ? maps.width : room.width, height: heightLeft });
  return heightLeft < worthColumns ? rightOf : [...rightOf, ...below];
}

/** As many columns as a box is wide enough for; none in a narrow one. */
function columnsIn({ x, y, width, height }: Rect): Rect[] {
  const count = Math.floor((width + gap) / (columnWidth + gap));
  const each = (width + gap) / count - gap;
  return Array.from({ length: Math.max(0, count) }, (_, i) => ({ x: x + i * (each + gap), y, width: each, height }));
}
