// Where everything stands on a printed page: numbers alone, so that they can be tested without a canvas. The unit is
// 1/96 inch, from the upper left corner of the page.

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A4, upright; lying when turned. */
export const a4 = { width: 794, height: 1123 } as const;

/** A class of the legend. */
export interface Key {
  color: string;
  pattern: string | null; // a name of patterns
  symbol?: string; // state of a finding, in place of a colour
  label: string;
  count: string;
}

/** The legend of a map. */
export interface Legend {
  legendTitle: string;
  keys: readonly Key[];
  gradient: { colors: readonly string[]; from: string; to: string } | null; // of a surface
}

/** Lines under a heading. */
export interface Section {
  title: string;
  lines: readonly string[];
  fine?: boolean; // in small letters
}

/** What every page has above and below all else. */
export interface Frame {
  title: string;
  subtitle: string;
  flag: string | null; // that the data are synthetic
  footer: readonly string[];
}

/** What is printed beside the map; the subtitle has period, units and what was counted. */
export interface Sheet extends Frame, Legend {
  sections: readonly Section[];
}

/** How wide a text is in a font. */
export type Measure = (text: string, font: Font) => number;

export interface Font {
  size: number;
  bold: boolean;
}

/** A line of text: y is its baseline. */
export interface Line {
  x: number;
  y: number;
  text: string;
  font: Font;
  tone: 'ink' | 'quiet' | 'flag';
  end?: boolean; // x is its right end
}

/** A page with everything in its place. */
export interface Layout {
  page: { width: number; height: number };
  maps: Rect[]; // what each map fills, in its own shape
  lines: Line[];
  keys: (Rect & { key: Key })[];
  gradients: (Rect & { colors: readonly string[] })[];
}

export const margin = 34;
export const gap = 18;
export const fonts = {
  title: { size: 22, bold: true },
  body: { size: 11, bold: false },
  head: { size: 12, bold: true },
  small: { size: 9, bold: false },
} as const;
const dots = 12; // height that the three dots need
export const lineOf = (font: Font): number => Math.round(font.size * 1.42);

/** Whether a map of that shape goes on a lying page. */
export const lies = (map: { width: number; height: number }): boolean => map.width > map.height;

/** The largest box of a shape within another one, at its upper left corner. */
export function fitted(shape: { width: number; height: number }, within: Rect): Rect {
  const scale = Math.min(within.width / shape.width, within.height / shape.height);
  return { x: within.x, y: within.y, width: shape.width * scale, height: shape.height * scale };
}

const pieces =
  /[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef][，。、；：）”]*|\s+|[^\s\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]+/gu;

/** Breaks a text into lines: at spaces, between Chinese characters, and within a word that is wider than a line. */
export function wrap(text: string, width: number, fits: (text: string) => number): string[] {
  const lines: string[] = [];
  let line = '';
  const end = () => {
    if (line.trim() !== '') lines.push(line.trimEnd());
    line = '';
  };
  for (const piece of text.match(pieces) ?? []) {
    if (fits(line + piece.trimEnd()) <= width) {
      line += line === '' ? piece.trimStart() : piece;
      continue;
    }
    end();
    for (const letter of piece.trimStart()) {
      if (line !== '' && fits(line + letter) > width) end();
      line += letter;
    }
  }
  end();
  return lines;
}

/** Fills boxes from above, one after the other; what does not fit is left out, and three dots say so. */
export class Column {
  y: number;
  full = false;
  private box: Rect;
  private readonly later: Rect[];
  private readonly width: number; // of the narrowest box: a text may begin in one and end in the next

  constructor(
    boxes: readonly [Rect, ...Rect[]],
    private readonly measure: Measure,
    private readonly out: Layout,
  ) {
    [this.box, ...this.later] = boxes;
    this.width = Math.min(...boxes.map(({ width }) => width));
    this.y = this.box.y;
  }

  private fits(height: number): boolean {
    const dotted = this.later.length === 0 ? dots : 0;
    return this.y + height <= this.box.y + this.box.height - dotted;
  }

  /** Goes on in the next box where this one has no room for a height. */
  private turn(height: number): void {
    while (!this.fits(height)) {
      const next = this.later.shift();
      if (next === undefined) return;
      this.box = next;
      this.y = next.y;
    }
  }

  /** Takes a height; false when there is none left. */
  private take(height: number): boolean {
    if (!this.full) this.turn(height);
    if (this.full || !this.fits(height)) {
      if (!this.full) this.put('…', fonts.body, 'quiet', this.y + dots - 4);
      this.full = true;
      return false;
    }
    this.y += height;
    return true;
  }

  private put(text: string, font: Font, tone: Line['tone'], y: number, x = this.box.x): void {
    this.out.lines.push({ x, y, text, font, tone });
  }

  text(text: string, font: Font, tone: Line['tone'] = 'ink'): void {
    for (const line of wrap(text, this.width, (part) => this.measure(part, font)))
      if (this.take(lineOf(font))) this.put(line, font, tone, this.y - font.size * 0.3);
  }

  /** A text that stands in the same box as what follows it. */
  heading(text: string): void {
    if (!this.full) this.turn(lineOf(fonts.head) + lineOf(fonts.body) + 4);
    this.text(text, fonts.head);
  }

  space(height: number): void {
    if (!this.full) this.y += height;
  }

  key(key: Key): void {
    const [width, height] = [26, 14];
    if (!this.take(height + 6)) return;
    const { x } = this.box;
    this.out.keys.push({ x, y: this.y - height - 4, width, height, key });
    const room = this.width - width - 8 - this.measure(key.count, fonts.body) - 8;
    const [label = '', more] = wrap(key.label, room, (part) => this.measure(part, fonts.body));
    this.put(more === undefined ? label : `${label}…`, fonts.body, 'ink', this.y - 7, x + width + 8);
    const right = x + this.width;
    this.out.lines.push({ x: right, y: this.y - 7, text: key.count, font: fonts.body, tone: 'quiet', end: true });
  }

  gradient({ colors, from, to }: NonNullable<Sheet['gradient']>): void {
    const height = 12;
    if (!this.take(height + lineOf(fonts.small) + 4)) return;
    const top = this.y - height - lineOf(fonts.small) - 4;
    this.out.gradients.push({ x: this.box.x, y: top, width: this.width, height, colors });
    this.put(from, fonts.small, 'quiet', this.y - 6);
    const right = this.box.x + this.width;
    this.out.lines.push({ x: right, y: this.y - 6, text: to, font: fonts.small, tone: 'quiet', end: true });
  }
}

/** A page with nothing on it. */
export function emptyPage(lying: boolean): Layout {
  const page = lying ? { width: a4.height, height: a4.width } : { width: a4.width, height: a4.height };
  return { page, maps: [], lines: [], keys: [], gradients: [] };
}

/** Puts head and foot on a page; the room between them. */
export function frameIn({ title, subtitle, flag, footer }: Frame, measure: Measure, out: Layout): Rect {
  const inner = out.page.width - 2 * margin;
  const head = new Column([{ x: margin, y: margin, width: inner - 180, height: 96 }], measure, out);
  head.text(title, fonts.title);
  head.text(subtitle, fonts.body, 'quiet');
  if (flag !== null)
    out.lines.push({ x: margin + inner, y: margin + 18, text: flag, font: fonts.head, tone: 'flag', end: true });
  const { small } = fonts;
  const foot = footer.flatMap((text) => wrap(text, inner, (part) => measure(part, small)));
  const footTop = out.page.height - margin - foot.length * lineOf(small);
  for (const [i, text] of foot.entries())
    out.lines.push({ x: margin, y: footTop + (i + 1) * lineOf(small) - 3, text, font: small, tone: 'quiet' });
  const top = head.y + gap / 2;
  return { x: margin, y: top, width: inner, height: footTop - gap / 2 - top };
}

/** Puts a sheet and a map of a shape on a page of A4. */
export function layOut(sheet: Sheet, map: { width: number; height: number }, measure: Measure): Layout {
  const lying = lies(map);
  const out = emptyPage(lying);
  const room = frameIn(sheet, measure, out);
  const besideIt = fitted(map, { ...room, width: room.width - sideWidth - gap });
  const aboveIt = fitted(map, { ...room, height: room.height * 0.62 });
  if (lying || besideIt.width > aboveIt.width) beside(besideIt, sheet, measure, out, room.height);
  else below(aboveIt, sheet, measure, out, room.height);
  return out;
}

const sideWidth = 250;
const worthMore = 90; // height below a map that is worth a section

/** The legend and what follows right of the map; the last section below it when there is room. */
function beside(map: Rect, sheet: Sheet, measure: Measure, out: Layout, room: number): void {
  out.maps.push(map);
  const { x: left, y, width, height } = map;
  const x = left + width + gap;
  const side = new Column([{ x, y, width: out.page.width - margin - x, height: room }], measure, out);
  const more = room - height - gap;
  const sections = [...sheet.sections];
  const last = more >= worthMore ? sections.pop() : undefined;
  legendIn(side, sheet);
  sectionsIn(side, sections);
  if (last) sectionsIn(new Column([{ x: left, y: y + height + gap, width, height: more }], measure, out), [last]);
}

/** The legend and the sections in two columns below the map. */
function below(map: Rect, sheet: Sheet, measure: Measure, out: Layout, room: number): void {
  out.maps.push(map);
  const y = map.y + map.height + gap;
  const width = (out.page.width - 2 * margin - gap) / 2;
  const height = room - map.height - gap;
  const [first, second] = [margin, margin + width + gap].map(
    (x) => new Column([{ x, y, width, height }], measure, out),
  );
  if (first === undefined || second === undefined) return;
  legendIn(first, sheet);
  sectionsIn(first, sheet.sections.slice(0, 1));
  sectionsIn(second, sheet.sections.slice(1));
}

export function legendIn(column: Column, { legendTitle, keys, gradient }: Legend): void {
  if (keys.length === 0 && gradient === null) return;
  column.heading(legendTitle);
  column.space(4);
  if (gradient !== null) column.gradient(gradient);
  for (const key of keys) column.key(key);
  column.space(10);
}

export function sectionsIn(column: Column, sections: readonly Section[]): void {
  for (const { title, lines, fine } of sections) {
    if (lines.length === 0) continue;
    column.heading(title);
    column.space(2);
    for (const line of lines) column.text(line, fine ? fonts.small : fonts.body);
    column.space(8);
  }
}

/** A round length for a scale bar of at most so many units of the page. */
export function scaleBar(metresPerUnit: number, most: number): { metres: number; length: number; label: string } {
  const limit = metresPerUnit * most;
  const ten = 10 ** Math.floor(Math.log10(limit));
  const metres = ([5, 2, 1].find((n) => n * ten <= limit) ?? 1) * ten;
  return { metres, length: metres / metresPerUnit, label: metres < 1000 ? `${metres} m` : `${metres / 1000} km` };
}
