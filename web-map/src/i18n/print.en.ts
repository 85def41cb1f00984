import type { CompareWords, PrintWords } from './print.zh';

export const print: PrintWords = {
  title: 'Take it away',
  form: { png: 'PNG picture', pdf: 'PDF (one page A4)', csv: 'CSV table', xlsx: 'Excel workbook' },
  map: 'map of the analysis',
  maps: 'map of the two compared results',
  table: 'table of the result',
  hint: 'Map and tables carry period, parameters and attribution; the figures in tables have all their digits.',
  made: (when, who) => `exported ${when} by ${who}`,
  run: (id, hash) => `analysis ${id} · hash of the result ${hash}`,
  noMap: 'The map is not drawn yet: try again shortly.',
  left: (what) => `Left: ${what}`,
  right: (what) => `Right: ${what}`,
  compared: (titles) => `Compared: ${titles}`,
  sameGround: 'Two results over the same ground, at the same scale',
  bothCounts: (legend) => `${legend} (left · right)`,
};

export const compare: CompareWords = {
  start: 'Compare with the shown one',
  started: 'Being compared',
  stop: 'End the comparison',
  left: (title, period) => `Left: ${title}, ${period}`,
  right: (title, period) => `Right: ${title}, ${period}`,
  legend: 'Legend of the right side',
  divider: 'Divider between left and right: arrow keys move it',
  share: (percent) => `left ${percent}%`,
};
