// "Why is it like this": everything an analysis says of one unit.
import { useEffect, useRef } from 'preact/hooks';
import type { AnalysisResult, AnalysisUnit } from '../api/types';
import { chosen, goTo, pointed } from '../state/analysis';
import { approximate, figure, neighboursOf } from '../state/analysis-table';
import { change, lang, t } from '../state/app';
import * as format from '../state/format';
import { Approximate, ClassMark, Spark, unitTitle } from './analysis-table';

export function WhyUnit({ result }: { result: AnalysisResult }) {
  const words = t.value.analysis;
  const at = chosen.value;
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    if (at !== null) box.current?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  const unit = at === null ? undefined : result.units[at];
  return (
    <section class="why-unit" ref={box} aria-label={words.why}>
      <h3>{words.why}</h3>
      {unit === undefined || at === null ? (
        <p class="hint">{words.whyNone}</p>
      ) : (
        <Known result={result} unit={unit} at={at} />
      )}
    </section>
  );
}

function Known({ result, unit, at }: { result: AnalysisResult; unit: AnalysisUnit; at: number }) {
  const words = t.value.analysis;
  return (
    <div class="explained">
      <p class="why-head">
        <strong>{unitTitle(unit, result.level)}</strong>
        {result.legend.length > 0 && <ClassMark result={result} unit={unit} />}
      </p>
      {unit.why && (
        <p class="why-reason">
          <span class="label">{words.noFigure}</span> {words.reasons[unit.why] ?? unit.why}
        </p>
      )}
      {unit.interpolated && <p class="hint">{words.interpolated}</p>}
      <dl class="why-figures">
        {result.columns.map((column, i) => (
          <div key={column.id}>
            <dt>
              {column.title[lang.value]}
              {column.hint[lang.value] && <small>{column.hint[lang.value]}</small>}
            </dt>
            <dd>
              {approximate(unit, column, unit.values[i]) && <Approximate />}
              {figure(unit.values[i], column.unit, column.decimals, lang.value)}
            </dd>
          </div>
        ))}
      </dl>
      {unit.parts !== undefined && unit.parts.length > 0 && <Parts parts={unit.parts} />}
      {unit.series !== undefined && unit.series.length > 0 && <Series result={result} series={unit.series} />}
      {result.links !== undefined && <Neighbours result={result} at={at} />}
      <div class="actions">
        <button type="button" class="button small" onClick={() => goTo(unit.code)}>
          {words.zoomTo}
        </button>
        <button type="button" class="button small" onClick={() => change({ selection: null })}>
          {words.unselect}
        </button>
      </div>
    </div>
  );
}

/** The parts of a value as bars, the longest for the largest contribution. */
function Parts({ parts }: { parts: NonNullable<AnalysisUnit['parts']> }) {
  const words = t.value.analysis;
  const most = Math.max(...parts.map((p) => Math.abs(p.contribution))) || 1;
  return (
    <div>
      <p class="label">{words.partsOf}</p>
      <ul class="contributions">
        {parts.map(({ title, value, contribution }) => (
          <li key={title.zh}>
            <span>
              {title[lang.value]}
              <small>{value === null ? '' : ` ${format.number(value, lang.value)}`}</small>
            </span>
            <span class="part-bar" aria-hidden="true">
              <i style={{ width: `${(Math.abs(contribution) / most) * 100}%` }} />
            </span>
            <b>{format.number(contribution, lang.value)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Series({ result, series }: { result: AnalysisResult; series: number[] }) {
  const [first, last] = [result.periods?.[0], result.periods?.at(-1)];
  return (
    <div class="why-series">
      <span class="label">{t.value.analysis.series}</span>
      <Spark series={series} width={260} height={40} />
      <small>
        {monthOf(first, 0)} – {monthOf(last, 1)}
      </small>
    </div>
  );
}

/** The first or the last month of a period "2023-01..2023-12". */
function monthOf(period: string | undefined, end: 0 | 1): string {
  const months = (period ?? '').split('..');
  const text = months[end] ?? months[0] ?? '';
  return text === '' ? '' : format.month(text, lang.value);
}

const namedNeighbours = 12;

function Neighbours({ result, at }: { result: AnalysisResult; at: number }) {
  const words = t.value.analysis;
  const list = neighboursOf(result.links ?? [], at);
  if (list.length === 0) return <p class="hint">{words.noNeighbours}</p>;
  return (
    <div>
      <p class="label">{words.neighbours(list.length)}</p>
      <div class="neighbours">
        {list.slice(0, namedNeighbours).map((place) => {
          const unit = result.units[place];
          if (unit === undefined) return null;
          const point = () => {
            pointed.value = { code: unit.code, from: 'table' };
          };
          const leave = () => {
            pointed.value = null;
          };
          return (
            <button
              key={place}
              type="button"
              class="chip"
              onMouseEnter={point}
              onMouseLeave={leave}
              onFocus={point}
              onBlur={leave}
              onClick={() => goTo(unit.code)}
            >
              {unitTitle(unit, result.level)}
            </button>
          );
        })}
        {list.length > namedNeighbours && <small>+ {list.length - namedNeighbours}</small>}
      </div>
    </div>
  );
}
