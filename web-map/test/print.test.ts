import { describe, expect, it } from 'vitest';
import {
  a4,
  fitted,
  type Layout,
  layOut,
  lies,
  type Measure,
  type Rect,
  type Sheet,
  scaleBar,
  wrap,
} from '../src/map/print-layout';
import { layOutPair, type PairSheet } from '../src/map/print-pair';
import { pdfOf, pdfText } from '../src/map/print-pdf';

const jpeg = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 0x0a, 0x65, 0x6e, 0x64, 0xff, 0xd9]);
const page = {
  jpeg,
  pixels: { width: 2246, height: 1588 },
  size: { width: 842.25, height: 595.5 },
  title: '热点 (Gi*)',
  lang: 'zh',
  made: new Date('2026-05-01T02:03:04Z'),
};
const latin = (bytes: Uint8Array): string => Array.from(bytes, (b) => String.fromCharCode(b)).join('');

describe('a PDF of one picture', () => {
  const bytes = pdfOf(page);
  const text = latin(bytes);

  it('begins and ends as a PDF', () => {
    expect(text.startsWith('%PDF-1.4\n%')).toBe(true);
    expect(text.endsWith('%%EOF\n')).toBe(true);
  });

  it('has a table that says where each object begins', () => {
    const start = Number(/startxref\n(\d+)\n/.exec(text)?.[1]);
    expect(text.slice(start, start + 5)).toBe('xref\n');
    const count = Number(/^xref\n0 (\d+)\n/.exec(text.slice(start))?.[1]);
    const rows = text
      .slice(start)
      .split('\n')
      .slice(2, 2 + count);
    expect(rows[0]).toBe('0000000000 65535 f ');
    for (const [i, row] of rows.entries()) {
      expect(row).toHaveLength(19); // and the end of the line
      if (i > 0) expect(text.slice(Number(row.slice(0, 10))).startsWith(`${i} 0 obj\n`)).toBe(true);
    }
    expect(text).toContain(`/Size ${count} /Root 1 0 R`);
    expect(rows).toHaveLength(7);
  });

  it('has one page of the size, filled by the picture', () => {
    expect(text.match(/\/Type \/Page /g)).toHaveLength(1);
    expect(text).toContain('/Count 1');
    expect(text).toContain('/MediaBox [0 0 842.25 595.5]');
    expect(text).toContain('q 842.25 0 0 595.5 0 0 cm /Im Do Q');
  });

  it('holds the picture as it is', () => {
    const [, length = ''] = /\/Filter \/DCTDecode \/Length (\d+) >>\nstream\n/.exec(text) ?? [];
    expect(Number(length)).toBe(jpeg.length);
    const at = text.indexOf('stream\n', text.indexOf('/DCTDecode')) + 'stream\n'.length;
    expect(bytes.slice(at, at + jpeg.length)).toEqual(jpeg);
    expect(text.slice(at + jpeg.length).startsWith('\nendstream\nendobj\n')).toBe(true);
    expect(text).toContain('/Width 2246 /Height 1588 /ColorSpace /DeviceRGB');
  });

  it('says how long its drawing is', () => {
    const [, length = '', stream = ''] = /<< \/Length (\d+) >>\nstream\n([\s\S]*?)\nendstream/.exec(text) ?? [];
    expect(stream).toHaveLength(Number(length));
  });

  it('has a title in any script, and nothing of it can end the text', () => {
    expect(pdfText('热A)')).toBe('<FEFF70ED00410029>');
    expect(pdfText('𠮷')).toBe('<FEFFD842DFB7>');
    expect(text).toContain(`/Title ${pdfText(page.title)}`);
    expect(text).toContain('/CreationDate (D:20260501020304Z)');
  });
});

/** A letter is as wide as it is high, half of that when it is no Chinese one. */
const measure: Measure = (text, { size }) =>
  Array.from(text).reduce((sum, c) => sum + (c > '\u2e80' ? size : size / 2), 0);

const sheet: Sheet = {
  title: '热点与冷点（Gi*）',
  subtitle: '2023年1月 – 2025年12月 · 网格',
  flag: '合成数据',
  legendTitle: '图例',
  keys: Array.from({ length: 8 }, (_, i) => ({ color: '#b10026', pattern: null, label: `类 ${i}`, count: String(i) })),
  gradient: null,
  sections: [{ title: '参数', lines: ['alpha = 0.05; '.repeat(20)] }],
  footer: ['© OpenStreetMap contributors (ODbL)', '分析编号 0190b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2e'],
};

const within = (inner: Rect, outer: Rect): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width + 1e-9 &&
  inner.y + inner.height <= outer.y + outer.height + 1e-9;

function boxes(layout: Layout): Rect[] {
  const lines = layout.lines.map(({ x, y, text, font, end }) => {
    const width = measure(text, font);
    return { x: end ? x - width : x, y: y - font.size, width, height: font.size * 1.2 };
  });
  return [...layout.maps, ...layout.keys, ...lines];
}

const apart = (a: Rect, b: Rect): boolean =>
  a.x + a.width <= b.x + 1e-9 ||
  b.x + b.width <= a.x + 1e-9 ||
  a.y + a.height <= b.y + 1e-9 ||
  b.y + b.height <= a.y + 1e-9;

describe('the layout of a page', () => {
  const shapes = [
    { width: 1440, height: 900 },
    { width: 390, height: 844 },
    { width: 800, height: 800 },
    { width: 3000, height: 500 },
  ];

  it.each(shapes)('is A4 that lies for a wide map: $width × $height', (shape) => {
    const { page } = layOut(sheet, shape, measure);
    expect([page.width, page.height].sort((a, b) => a - b)).toEqual([a4.width, a4.height]);
    expect(page.width > page.height).toBe(lies(shape));
  });

  it.each(shapes)('keeps everything on the page, and nothing on the map: $width × $height', (shape) => {
    const layout = layOut(sheet, shape, measure);
    const [map] = layout.maps;
    if (map === undefined) throw new Error('no map');
    const all = { x: 20, y: 20, width: layout.page.width - 40, height: layout.page.height - 40 };
    for (const box of boxes(layout)) expect(within(box, all), JSON.stringify(box)).toBe(true);
    for (const box of boxes(layout).slice(1)) expect(apart(box, map), JSON.stringify(box)).toBe(true);
    expect(layout.keys).toHaveLength(sheet.keys.length);
    expect(map.width / map.height).toBeCloseTo(shape.width / shape.height, 9);
  });

  it('leaves out what does not fit, and says so', () => {
    const long = { ...sheet, sections: [{ title: '参数', lines: Array.from({ length: 400 }, (_, i) => `行 ${i}`) }] };
    const layout = layOut(long, { width: 1440, height: 900 }, measure);
    expect(layout.lines.filter(({ text }) => text === '…')).toHaveLength(1);
    for (const box of boxes(layout)) expect(box.y + box.height).toBeLessThan(layout.page.height);
    expect(layout.lines.some(({ text }) => text === sheet.footer[0])).toBe(true);
  });

  it('has a gradient for a surface', () => {
    const layout = layOut(
      { ...sheet, keys: [], gradient: { colors: ['#fff', '#000'], from: '0', to: '3 /km²' } },
      { width: 1440, height: 900 },
      measure,
    );
    expect(layout.gradients.map(({ colors }) => colors)).toEqual([['#fff', '#000']]);
    expect(layout.lines.find(({ text }) => text === '3 /km²')?.end).toBe(true);
  });
});

const pairSheet: PairSheet = {
  title: '对比：热点与冷点（Gi*）',
  subtitle: '同一范围、同一比例尺',
  flag: '合成数据',
  captions: [
    { title: '左：热点与冷点（Gi*）', subtitle: '2025年1月 – 2025年12月 · 网格 · 案件' },
    {
      title: '右：热点与冷点（Gi*）',
      subtitle: '2024年1月 – 2024年12月 · 网格 · 案件 · 网格版本 2023，12 个单元为插值',
    },
  ],
  legends: [
    { legendTitle: '左：密度', keys: [], gradient: { colors: ['#fff', '#000'], from: '0', to: '1.12 /km²' } },
    { legendTitle: '右：图例', keys: sheet.keys, gradient: null },
  ],
  sections: [
    { title: '左：全区数字', lines: ['全局 I: 0.25', '平均: 3'] },
    { title: '有多可靠', lines: ['案件是按组发布的：每组至少 3 件。'.repeat(3), 'p 值由置换得出。'] },
    { title: '方法', lines: ['alpha = 0.05; '.repeat(30), 'seed 310151'], fine: true },
  ],
  footer: ['© OpenStreetMap', '左：分析编号 0190b6c4 · 结果校验 beef', '右：分析编号 0290b6c4 · 结果校验 cafe'],
};

describe('the layout of a page with two maps', () => {
  const shapes = [
    { width: 540, height: 840 }, // a desktop with the panel open
    { width: 390, height: 844 },
    { width: 800, height: 800 },
    { width: 1300, height: 840 },
    { width: 390, height: 320 }, // a phone with the panel open
    { width: 3000, height: 500 },
  ];
  const both = (layout: Layout): [Rect, Rect] => {
    const [first, second, ...more] = layout.maps;
    if (first === undefined || second === undefined || more.length > 0) throw new Error(`${layout.maps.length} maps`);
    return [first, second];
  };

  it.each(shapes)('is A4 with both in one scale, in their own shape, and apart: $width × $height', (shape) => {
    const layout = layOutPair(pairSheet, shape, measure);
    expect([layout.page.width, layout.page.height].sort((a, b) => a - b)).toEqual([a4.width, a4.height]);
    const [first, second] = both(layout);
    expect([second.width, second.height]).toEqual([first.width, first.height]);
    expect(first.width / first.height).toBeCloseTo(shape.width / shape.height, 9);
    expect(apart(first, second)).toBe(true);
  });

  it.each(shapes)('keeps everything on the page, whole, and nothing over anything: $width × $height', (shape) => {
    const layout = layOutPair(pairSheet, shape, measure);
    const all = { x: 20, y: 20, width: layout.page.width - 40, height: layout.page.height - 40 };
    const placed = [...boxes(layout), ...layout.gradients];
    for (const box of placed) expect(within(box, all), JSON.stringify(box)).toBe(true);
    for (const [i, one] of placed.entries())
      for (const other of placed.slice(i + 1)) expect(apart(one, other), JSON.stringify([one, other])).toBe(true);
    expect(layout.lines.map(({ text }) => text)).not.toContain('…');
    expect(layout.keys).toHaveLength(sheet.keys.length);
    for (const text of ['seed 310151', '1.12 /km²', ...pairSheet.footer])
      expect(layout.lines.map((line) => line.text)).toContain(text);
  });

  it.each(shapes)('has over each map what it is of: $width × $height', (shape) => {
    const layout = layOutPair(pairSheet, shape, measure);
    for (const [i, map] of both(layout).entries()) {
      const over = layout.lines.filter(({ x, y }) => x === map.x && y < map.y && y > map.y - 120);
      expect(over.map(({ text }) => text).join('')).toContain(i === 0 ? '左：' : '右：');
    }
  });

  it('puts tall maps side by side, and wide ones one above the other', () => {
    const [left, right] = both(layOutPair(pairSheet, { width: 540, height: 840 }, measure));
    expect(right.y).toBe(left.y);
    expect(left.width).toBeGreaterThan(300);
    const [upper, lower] = both(layOutPair(pairSheet, { width: 3000, height: 500 }, measure));
    expect(lower.x).toBe(upper.x);
    expect(upper.width).toBeGreaterThan(700);
  });

  it('makes the maps smaller for a long text, and leaves out only what no page has room for', () => {
    const shape = { width: 540, height: 840 };
    const withLines = (n: number) => {
      const section = { title: '参数', lines: Array.from({ length: n }, (_, i) => `行 ${i}`) };
      return layOutPair({ ...pairSheet, sections: [section] }, shape, measure);
    };
    const [short, long, endless] = [withLines(10), withLines(90), withLines(900)];
    expect(both(long)[0].width).toBeLessThan(both(short)[0].width);
    const dotted = [short, long, endless].map(({ lines }) => lines.filter(({ text }) => text === '…').length);
    expect(dotted).toEqual([0, 0, 1]);
    expect(both(endless)[0].width).toBeGreaterThan(100);
    for (const box of boxes(endless)) expect(box.y + box.height).toBeLessThan(endless.page.height);
  });
});

describe('words on paper', () => {
  const fits = (text: string) => measure(text, { size: 10, bold: false });

  it('break at spaces, between Chinese characters, and within what is too long', () => {
    expect(wrap('one two three', 40, fits)).toEqual(['one two', 'three']);
    expect(wrap('热点与冷点，都在', 30, fits)).toEqual(['热点与', '冷点，', '都在']);
    expect(wrap('abcdefghij', 20, fits)).toEqual(['abcd', 'efgh', 'ij']);
    expect(wrap('', 20, fits)).toEqual([]);
  });

  it('lose nothing but spaces at the ends of lines', () => {
    const text = '方法 gi 2: Ord and Getis 1995, 公式 14；alpha = 0.05; hash 0123456789abcdef0123456789abcdef 完';
    for (const width of [15, 33, 60, 120, 1000]) {
      const lines = wrap(text, width, fits);
      expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
      for (const line of lines) expect(fits(line)).toBeLessThanOrEqual(Math.max(width, 10) + 10); // a comma stays with its word
    }
  });
});

describe('the scale bar', () => {
  it.each([
    [1, 100, 100, '100 m'],
    [1, 99, 50, '50 m'],
    [37, 140, 5000, '5 km'],
    [0.4, 120, 20, '20 m'],
  ])('of %f m a unit and %f units is %f m', (metresPerUnit, most, metres, label) => {
    const bar = scaleBar(metresPerUnit, most);
    expect(bar).toEqual({ metres, label, length: metres / metresPerUnit });
    expect(bar.length).toBeLessThanOrEqual(most);
  });
});

it('a map is fitted into a box in its own shape', () => {
  expect(fitted({ width: 200, height: 100 }, { x: 5, y: 6, width: 100, height: 100 })).toEqual({
    x: 5,
    y: 6,
    width: 100,
    height: 50,
  });
});
