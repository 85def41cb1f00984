// Taking a result away: the map as a picture or a page, and its table.

import { printed, tablePath } from '../api/print';
import type { AnalysisResult, AnalysisRun } from '../api/types';
import type { Rect } from '../map/print-layout';
import { catalogue } from '../state/analysis';
import { address, lang, meta, phone, t, theme } from '../state/app';
import { map } from '../state/commands';
import { type Download, fileName, fromServer, wanted } from '../state/download';
import { type Printed, sheetOf } from '../state/print';
import { latest } from '../state/resource';
import { may, me } from '../state/session';
import { Icon } from './icon';

/** Buttons under a result; nothing for whoever may take nothing away. */
export function TakeAway({ run, result }: { run: AnalysisRun; result: AnalysisResult }) {
  const words = t.value.print;
  if (!may('export')) return null;
  const name = `${result.method}-${result.level}-${run.id.slice(0, 8)}`;
  const table = (form: 'csv' | 'xlsx') => ({
    what: words.table,
    file: fileName(name, new Date(), form),
    make: fromServer((purpose) => tablePath(run.id, form, lang.peek(), purpose)),
  });
  const picture = (form: 'png' | 'pdf') => ({
    what: words.map,
    file: fileName(name, new Date(), form),
    make: (purpose: string) => pictureOf(run, result, form, purpose),
  });
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

/** Draws the page and has it written down; only then it may be saved. */
async function pictureOf(
  run: AnalysisRun,
  result: AnalysisResult,
  form: 'png' | 'pdf',
  purpose: string,
): Promise<Blob> {
  const paper = await import('../map/print');
  const shown = await map.peek()?.snapshot(openPart());
  if (shown === undefined) throw new Error(t.peek().print.noMap);
  const of: Printed = {
    run,
    result,
    classes: latest(catalogue.loaded.peek())?.classes ?? [],
    picks: address.peek().picks,
    findings: address.peek().show.includes('findings') ? (meta.peek()?.finding_states ?? []) : [],
    attribution: meta.peek()?.attribution ?? [],
    theme: theme.peek(),
    lang: lang.peek(),
    t: t.peek(),
    who: me.peek()?.account.display || me.peek()?.account.name || '',
    now: new Date(),
  };
  const page = paper.drawPage(sheetOf(of), shown, grounds[of.theme]);
  const title = `${result.title[of.lang]} ${result.period}`;
  const file = form === 'png' ? await paper.pngOf(page) : await paper.pdfOfPage(page, title, of.lang);
  await printed(run.id, form, purpose);
  return file;
}
