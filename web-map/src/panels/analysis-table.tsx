// The units of an analysis as a table, tied to the map both ways.
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { AnalysisColumn, AnalysisResult, AnalysisUnit } from '../api/types';
import { looks } from '../map/analysis';
import { catalogue, chosen, goTo, order, pointed, rows } from '../state/analysis';
import { approximate, bare, rowsWanted, sparkLine, usualOrder } from '../state/analysis-table';
import { lang, t, theme } from '../state/app';
import * as format from '../state/format';
import { latest } from '../state/resource';
import { Swatch } from './swatch';

const page = 100; // rows at first
const all = signal(false);

export function Ranking({ result }: { result: AnalysisResult }) {
  const words = t.value.analysis;
  const list = rows.value;
  const selected = chosen.value;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    all.value = false;
  }, [result]);
  useEffect(() => {
    const row = box.current?.querySelector<HTMLElement>('tr[aria-current]');
    if (!row || !box.current) return;
    const middle = row.offsetTop - (box.current.clientHeight - row.offsetHeight) / 2;
    box.current.scrollTo({ top: Math.max(0, middle) });
  }, [selected]);
  const shown = list.slice(0, all.value ? list.length : rowsWanted(list, page, selected));
  return (
    <section class="ranking">
      <h3>{words.table}</h3>
      <p class="hint">{words.tableHint}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard (WCAG 2.1.1) */}
      <div class="ranking-box" ref={box} tabIndex={0} role="group" aria-label={words.table}>
        <table class="figures">
          <Head result={result} />
          <tbody>
            {shown.map((at) => (
              <Row key={at} result={result} at={at} selected={at === selected} />
            ))}
          </tbody>
        </table>
        {list.length === 0 && <p class="nothing">{words.noRows}</p>}
      </div>
      <p class="actions">
        <small>{words.shownOf(shown.length, list.length)}</small>
        {shown.length < list.length && (
          <button
            type="button"
            class="link"
            onClick={() => {
              all.value = true;
            }}
          >
            {words.showAll(list.length)}
          </button>
        )}
      </p>
    </section>
  );
}

function Head({ result }: { result: AnalysisResult }) {
  const words = t.value.analysis;
  const unit = (c: AnalysisColumn) => (c.unit === '' || c.unit === '%' ? '' : ` (${c.unit})`);
  return (
    <thead>
      <tr>
        <SortHead result={result} id="name" title={words.name} hint="" />
        {result.legend.length > 0 && <SortHead result={result} id="class" title={words.class} hint="" />}
        {result.periods !== undefined && <th scope="col">{words.series}</th>}
        {result.columns.map((c) => (
          <SortHead
            key={c.id}
            result={result}
            id={c.id}
            title={`${c.title[lang.value]}${unit(c)}`}
            hint={c.hint[lang.value]}
            number
          />
        ))}
      </tr>
    </thead>
  );
}

function SortHead(props: { result: AnalysisResult; id: string; title: string; hint: string; number?: boolean }) {
  const { result, id, title } = props;
  const by = order.value ?? usualOrder(result);
  const on = by.column === id;
  const sort = on ? (by.down ? 'descending' : 'ascending') : 'none';
  return (
    <th scope="col" aria-sort={sort} class={props.number ? 'number' : ''}>
      <button
        type="button"
        title={props.hint || undefined}
        aria-label={t.value.analysis.sortBy(title)}
        onClick={() => {
          order.value = { column: id, down: on ? !by.down : Boolean(props.number) };
        }}
      >
        {title}
        {on && <span aria-hidden="true">{by.down ? ' ↓' : ' ↑'}</span>}
      </button>
    </th>
  );
}

/** What a unit is called. */
export const unitTitle = (unit: AnalysisUnit, level: string): string =>
  unit.name || (level === 'cells' ? t.value.here.cellNamed(unit.code) : unit.code);

function Row({ result, at, selected }: { result: AnalysisResult; at: number; selected: boolean }) {
  const unit = result.units[at];
  if (unit === undefined) return null;
  const { code } = unit;
  const point = () => {
    pointed.value = { code, from: 'table' };
  };
  const leave = () => {
    pointed.value = null;
  };
  return (
    <tr
      class={pointed.value?.code === code ? 'pointed' : ''}
      aria-current={selected ? 'true' : undefined}
      data-code={code}
      onMouseEnter={point}
      onMouseLeave={leave}
    >
      <th scope="row">
        <button type="button" class="link" onFocus={point} onBlur={leave} onClick={() => goTo(code)}>
          {unitTitle(unit, result.level)}
        </button>
      </th>
      {result.legend.length > 0 && (
        <td>
          <ClassMark result={result} unit={unit} />
        </td>
      )}
      {result.periods !== undefined && (
        <td>
          <Spark series={unit.series ?? []} />
        </td>
      )}
      {result.columns.map((column, i) => (
        <td key={column.id} class="number">
          {approximate(unit, column, unit.values[i]) && <Approximate />}
          {bare(unit.values[i], column, lang.value)}
        </td>
      ))}
    </tr>
  );
}

/** Marks a figure that is interpolated. */
export const Approximate = () => (
  <abbr class="approximate" title={t.value.analysis.interpolated}>
    ≈
  </abbr>
);

/** The class of a unit, with its look on the map. */
export function ClassMark({ result, unit }: { result: AnalysisResult; unit: AnalysisUnit }) {
  const { color, pattern } = looks(result.legend, latest(catalogue.loaded.value)?.classes ?? [], theme.value).get(
    unit.class,
  ) ?? { color: 'none', pattern: null };
  const title = result.legend.find(({ id }) => id === unit.class)?.title[lang.value] ?? '';
  return (
    <span class="class-mark">
      <Swatch color={color} pattern={pattern ?? undefined} />
      {title}
    </span>
  );
}

/** A line of the figures by period. */
export function Spark({ series, width = 64, height = 16 }: { series: number[]; width?: number; height?: number }) {
  const words = t.value.analysis;
  if (series.length === 0) return <>—</>;
  const n = (value: number | undefined) => format.number(value ?? 0, lang.value);
  return (
    <svg
      class="spark"
      role="img"
      width={width + 4}
      height={height + 4}
      viewBox={`-2 -2 ${width + 4} ${height + 4}`}
      aria-label={words.seriesOf(n(series[0]), n(series.at(-1)), series.length)}
    >
      <polyline points={sparkLine(series, width, height)} />
    </svg>
  );
}
