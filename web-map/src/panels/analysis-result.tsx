// What came out of an analysis: how sure it is first, then its classes, figures and rows.
import type { ComponentChildren } from 'preact';
import type { AnalysisResult } from '../api/types';
import { run } from '../state/analysis';
import { figure } from '../state/analysis-table';
import { lang, phone, t } from '../state/app';
import * as format from '../state/format';
import { Circles } from './analysis-circles';
import { Forecast } from './analysis-forecast';
import { AnalysisLegend } from './analysis-legend';
import { Neighbourhoods } from './analysis-links';
import { PairMatrix } from './analysis-matrix';
import { Ranking } from './analysis-table';
import { WhyUnit } from './analysis-unit';
import { Icon } from './icon';

export function ResultView({ result }: { result: AnalysisResult }) {
  const { curves, circles, matrix } = result;
  return (
    <>
      <Warnings result={result} />
      {curves !== undefined && curves.length > 0 && <Forecast curves={curves} />}
      {matrix !== undefined && <PairMatrix matrix={matrix} />}
      {phone.value && <AnalysisLegend result={result} />}
      {circles !== undefined && circles.length > 0 && <Circles circles={circles} />}
      <Facts result={result} />
      {result.units.length > 0 && result.columns.length > 0 && (
        <>
          <WhyUnit result={result} />
          <Ranking result={result} />
        </>
      )}
      <Neighbourhoods result={result} />
      <Sure result={result} />
      <MethodNotes result={result} />
    </>
  );
}

function Warnings({ result }: { result: AnalysisResult }) {
  const words = t.value.analysis;
  const warnings = result.notes.filter(({ level }) => level === 'warning');
  const texts = [...warnings.map(({ text }) => text[lang.value]), ...(result.synthetic ? [words.synthetic] : [])];
  if (texts.length === 0) return null;
  return (
    <section class="warnings" aria-label={words.warning}>
      <Icon name="warning" size={18} />
      <ul>
        {texts.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </section>
  );
}

function Facts({ result }: { result: AnalysisResult }) {
  if (result.facts.length === 0) return null;
  return (
    <section>
      <h3>{t.value.analysis.facts}</h3>
      <dl class="tiles">
        {result.facts.map((fact) => (
          <div class={fact.value === null && fact.text[lang.value] ? 'figure wide' : 'figure'} key={fact.id}>
            <dt>{fact.title[lang.value]}</dt>
            <dd>
              {(fact.value !== null || fact.text[lang.value] === '') &&
                figure(fact.value, fact.unit, fact.decimals, lang.value)}
              {fact.text[lang.value] && <small class="line">{fact.text[lang.value]}</small>}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** How sure all this is. */
function Sure({ result }: { result: AnalysisResult }) {
  const words = t.value.analysis;
  const has = (id: string) => result.legend.some((entry) => entry.id === id && entry.n > 0);
  const notes = [
    ...result.notes.filter(({ level }) => level === 'info').map(({ text }) => text[lang.value]),
    ...(has('ns') ? [words.hatched] : []),
    ...(has('insufficient') ? [words.dotted] : []),
  ];
  if (notes.length === 0) return null;
  return (
    <section>
      <h3>{words.sure}</h3>
      <ul class="sure">
        {notes.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </section>
  );
}

/** By what method, with which parameters, of which data: what somebody needs to get the same again. */
function MethodNotes({ result }: { result: AnalysisResult }) {
  const words = t.value.analysis;
  const is = run.value;
  return (
    <details class="fold">
      <summary>{words.method}</summary>
      <dl class="places">
        <Line label={words.meta.run}>{is?.id}</Line>
        <Line label={words.meta.edition}>{result.edition}</Line>
        <Line label={words.meta.crosswalk}>{result.other_edition?.crosswalk}</Line>
        <Line label={words.meta.data}>{result.data}</Line>
        <Line label={words.meta.hash}>{is?.hash}</Line>
      </dl>
      {result.meta.map((meta) => (
        <div class="meta" key={`${meta.method} ${meta.version}`}>
          <h4>{meta.method}</h4>
          <p class="hint">{meta.source}</p>
          <dl class="places">
            <Line label={words.meta.version}>{meta.version}</Line>
            <Line label={words.meta.used}>{format.number(meta.used, lang.value)}</Line>
            <Line label={words.meta.dropped}>{pairsIn(meta.dropped)}</Line>
            <Line label={words.meta.seed}>{meta.seed}</Line>
            <Line label={words.meta.weights}>{meta.weights}</Line>
            <Line label={words.meta.params}>{pairsIn(meta.params)}</Line>
          </dl>
        </div>
      ))}
    </details>
  );
}

/** Names and values as one text. */
const pairsIn = (record: Record<string, unknown> | undefined): string =>
  Object.entries(record ?? {})
    .map(([name, value]) => `${name} = ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join('; ');

function Line({ label, children }: { label: string; children: ComponentChildren }) {
  if (children === undefined || children === '') return null;
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}
