import type { CompareWords, PrintWords } from './print.zh';

export const print: PrintWords = {
  title: 'Take it away',
  form: { png: 'PNG picture', pdf: 'PDF (one page A4)', csv: 'CSV table', xlsx: 'Excel workbook' },
  map: 'map of the analysis',
  table: 'table of the result',
  hint: 'Map and tables carry period, parameters and attribution; the figures in tables have all their digits.',
  made: (when, who) => `exported ${when} by ${who}`,
  run: (id, hash) => `analysis ${id} · hash of the result ${hash}`,
  noMap: 'The map is not drawn yet: try again shortly.',
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
