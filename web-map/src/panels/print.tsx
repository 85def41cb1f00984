// Taking a result away: the map as a picture or a page, and its table. While two results are compared, both are on the page.

import { printed, tablePath } from '../api/print';
import type { AnalysisResult, AnalysisRun } from '../api/types';
import type { Rect } from '../map/print-layout';
import { catalogue } from '../state/analysis';
import { address, lang, meta, phone, t, theme } from '../state/app';
import { map, secondMap } from '../state/commands';
import { otherAnalysis, otherDrawn, otherOutcome } from '../state/compare';
import { type Download, fileName, fromServer, wanted } from '../state/download';
import { type Printed, sheetOf } from '../state/print';
import { pairSheetOf } from '../state/print-pair';
import { latest } from '../state/resource';
import { may, me } from '../state/session';
import { Icon } from './icon';

/** A result with its run. */
interface Outcome {
  run: AnalysisRun;
  result: AnalysisResult;
}

const nameOf = ({ run, result }: Outcome): string => `${result.method}-${result.level}-${run.id.slice(0, 8)}`;

/** Buttons under a result; nothing for whoever may take nothing away. */
export function TakeAway(shown: Outcome) {
  const words = t.value.print;
  if (!may('export')) return null;
  const table = (form: 'csv' | 'xlsx') => ({
    what: words.table,
    file: fileName(nameOf(shown), new Date(), form),
    make: fromServer((purpose) => tablePath(shown.run.id, form, lang.peek(), purpose)),
  });
  const picture = (form: 'png' | 'pdf') => {
    const second = otherAnalysis.peek();
    const both = second === null ? [shown] : [shown, second];
    return {
      what: second === null ? words.map : words.maps,
      file: fileName(both.map(nameOf).join('-vs-'), new Date(), form),
      make: (purpose: string) => pictureOf(shown, second, form, purpose),
    };
  };
  return (
    <section class="take-away" aria-label={words.title}>
      <h3>{words.title}</h3>
      <div class="actions">
        <TakeButton label={words.form.png} download={() => picture('png')} />
        <TakeButton label={words.form.pdf} download={() => picture('pdf')} />
        <TakeButton label={words.form.csv} download={() => table('csv')} />
        <TakeButton label={words.form.xlsx} download={() => table('xlsx')} />
      </div>
      <p class="hint">{words.hint}</p>
    </section>
  );
}

function TakeButton({ label, download }: { label: string; download: () => Download }) {
  return (
    <button
      type="button"
      class="button small"
      onClick={() => {
        wanted.value = download();
      }}
    >
      <Icon name="download" size={14} />
      {label}
    </button>
  );
}

/** What the legend's colours are seen on. */
const grounds = { light: '#ffffff', dark: '#151b20' } as const;

const leastPixels = 160; // of a part that is worth printing

/** The part of the map that no panel covers: what the reader sees is what is printed. */
function openPart(): Rect {
  const at = (selector: string) => document.querySelector(selector)?.getBoundingClientRect();
  const whole = at('.map') ?? new DOMRect(0, 0, innerWidth, innerHeight);
  const edges = phone.peek()
    ? { left: whole.left, top: at('.head')?.bottom, right: whole.right, bottom: (at('.drawer') ?? at('.tabs'))?.top }
    : { left: at('.side')?.right, top: whole.top, right: at('.drawer')?.left, bottom: at('.time')?.top };
  const [x, y] = [(edges.left ?? whole.left) - whole.left, (edges.top ?? whole.top) - whole.top];
  const width = (edges.right ?? whole.right) - whole.left - x;
  const height = (edges.bottom ?? whole.bottom) - whole.top - y;
  const enough = Math.min(width, height) >= leastPixels;
  return enough ? { x, y, width, height } : { x: 0, y: 0, width: whole.width, height: whole.height };
}

/** Draws the page and has it written down for every result on it; only then it may be saved. */
async function pictureOf(first: Outcome, second: Outcome | null, form: 'png' | 'pdf', purpose: string): Promise<Blob> {
  const paper = await import('../map/print');
  const page = second === null ? await single(paper, first) : await pair(paper, first, second);
  const shown = second === null ? [first] : [first, second];
  const title = shown.map(({ result }) => `${result.title[lang.peek()]} ${result.period}`).join(' / ');
  const file = form === 'png' ? await paper.pngOf(page) : await paper.pdfOfPage(page, title, lang.peek());
  for (const { run } of shown) await printed(run.id, form, purpose);
  return file;
}

type Paper = typeof import('../map/print');

const notDrawn = () => new Error(t.peek().print.noMap);

async function single(paper: Paper, of: Outcome): Promise<HTMLCanvasElement> {
  const coming = otherOutcome.loaded.peek().state === 'loading'; // what it is compared with
  const shown = coming ? undefined : await map.peek()?.snapshot(openPart());
  if (shown === undefined) throw notDrawn();
  return paper.drawPage(sheetOf(printedOf(of)), shown, grounds[theme.peek()]);
}

/** The same part of both maps, one after the other: each draws all of it anew, and sharper, for its picture. */
async function pair(paper: Paper, first: Outcome, second: Outcome): Promise<HTMLCanvasElement> {
  const part = openPart();
  const ready = otherAnalysis.peek() === second && otherDrawn.peek() !== null;
  const [maps, beside] = [map.peek(), secondMap.peek()];
  if (!ready || maps === null || beside === null) throw notDrawn();
  const [left, right] = [await maps.snapshot(part), await beside.snapshot(part)];
  if (left === undefined || right === undefined) throw notDrawn();
  return paper.drawPair(pairSheetOf(printedOf(first), printedOf(second)), [left, right], grounds[theme.peek()]);
}

const printedOf = (of: Outcome): Printed => ({
  ...of,
  classes: latest(catalogue.loaded.peek())?.classes ?? [],
  picks: address.peek().picks,
  findings: address.peek().show.includes('findings') ? (meta.peek()?.finding_states ?? []) : [],
  attribution: meta.peek()?.attribution ?? [],
  theme: theme.peek(),
  lang: lang.peek(),
  t: t.peek(),
  who: me.peek()?.account.display || me.peek()?.account.name || '',
  now: new Date(),
});
