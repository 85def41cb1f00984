// How well forecasts did: their curves, who wins, also when it is not the index, and the figures at each share.
import type { AnalysisCurve } from '../api/types';
import { chartEnd, curveLine, hitsAt, spread } from '../state/analysis-chart';
import { champion, figure, provenBest, winners } from '../state/analysis-table';
import { lang, t } from '../state/app';

export function Forecast({ curves }: { curves: AnalysisCurve[] }) {
  const words = t.value.analysis.forecast;
  return (
    <section class="forecast">
      <h3>{words.title}</h3>
      <Verdict curves={curves} />
      <Chart curves={curves} />
      <Judged curves={curves} />
    </section>
  );
}

const percent = (share: number, decimals = 0): string => figure(share, '%', decimals, lang.value);

/** Says plainly who wins. */
function Verdict({ curves }: { curves: AnalysisCurve[] }) {
  const words = t.value.analysis.forecast;
  const list = winners(curves);
  if (list.length === 0) return null;
  const best = champion(list);
  const indexLoses = curves.some((c) => c.id === 'index') && best?.id !== 'index';
  return (
    <div class="verdict">
      <p>
        <strong>{best === null ? words.tie : words.wins(best.title[lang.value])}</strong>
      </p>
      {indexLoses && <p>{words.indexLoses}</p>}
      {best !== null && !provenBest(best, curves) && <p>{words.unsure}</p>}
      <ul>
        {list.map(({ area, rate, curves: first }) => (
          <li key={area}>
            {words.at(percent(area), first.map((c) => c.title[lang.value]).join(' / '), percent(rate, 1))}
          </li>
        ))}
      </ul>
    </div>
  );
}

const box = { width: 250, height: 190 };
const margin = { left: 38, right: 140, top: 10, bottom: 30 };

function Chart({ curves }: { curves: AnalysisCurve[] }) {
  const words = t.value.analysis.forecast;
  const end = chartEnd(curves);
  const lines = curves
    .filter(({ id }) => id !== 'chance')
    .map((curve) => ({ curve, y: (1 - hitsAt(curve, end)) * box.height }));
  const chanceY = (1 - end) * box.height;
  const labels = spread([...lines.map(({ y }) => y), chanceY], 15, box.height);
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  return (
    <svg
      class="chart"
      role="img"
      aria-label={words.chart}
      viewBox={`0 0 ${box.width + margin.left + margin.right} ${box.height + margin.top + margin.bottom}`}
    >
      <g transform={`translate(${margin.left} ${margin.top})`}>
        {ticks.map((tick) => (
          <g key={tick}>
            <line class="grid" x1="0" x2={box.width} y1={(1 - tick) * box.height} y2={(1 - tick) * box.height} />
            <text x="-6" y={(1 - tick) * box.height + 4} text-anchor="end">
              {percent(tick)}
            </text>
            <text x={tick * box.width} y={box.height + 16} text-anchor="middle">
              {percent(tick * end)}
            </text>
          </g>
        ))}
        <line class="chance" x1="0" y1={box.height} x2={box.width} y2={chanceY} />
        {lines.map(({ curve }, i) => (
          <polyline key={curve.id} class={`curve curve-${i % 6}`} points={curveLine(curve, end, box)} />
        ))}
        {lines.map(({ curve, y }, i) => (
          <g key={curve.id} class={`curve-${i % 6}`}>
            <line class="leader" x1={box.width} y1={y} x2={box.width + 8} y2={labels[i] ?? y} />
            <text class="name" x={box.width + 11} y={(labels[i] ?? y) + 4}>
              {curve.title[lang.value]}
            </text>
          </g>
        ))}
        <text class="chance-name" x={box.width + 11} y={(labels.at(-1) ?? chanceY) + 4}>
          {words.chance}
        </text>
      </g>
    </svg>
  );
}

/** The figures of every forecast at each share of the area. */
function Judged({ curves }: { curves: AnalysisCurve[] }) {
  const words = t.value.analysis.forecast;
  const heads = [
    [words.hits, words.interval],
    ['PAI', words.pai],
    ['PEI', words.pei],
    ['RRI', words.rri],
    ['SER', words.ser],
  ] as const;
  const areas = [...new Set(curves.flatMap((c) => c.points.map((p) => p.area)))].sort((a, b) => a - b);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard (WCAG 2.1.1)
    <div class="ranking-box" tabIndex={0} role="group" aria-label={words.title}>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">{words.area}</th>
            <th scope="col">{words.curve}</th>
            {heads.map(([head, title]) => (
              <th scope="col" key={head} class="number" title={title}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        {areas.map((area) => (
          <tbody key={area}>
            {curves.map((curve, i) => (
              <Line key={curve.id} curve={curve} area={area} first={i === 0} rows={curves.length} />
            ))}
          </tbody>
        ))}
      </table>
    </div>
  );
}

function Line({ curve, area, first, rows }: { curve: AnalysisCurve; area: number; first: boolean; rows: number }) {
  const point = curve.points.find((p) => p.area === area);
  const n = (value: number | null | undefined, decimals = 2) => figure(value, '', decimals, lang.value);
  return (
    <tr>
      {first && (
        <th scope="rowgroup" rowSpan={rows}>
          {percent(area)}
        </th>
      )}
      <th scope="row">{curve.title[lang.value]}</th>
      <td class="number">
        {figure(point?.hit_rate, '%', 1, lang.value)}
        {point?.low !== null && point?.low !== undefined && (
          <small class="line">
            {percent(point.low)}–{percent(point.high ?? 1)}
          </small>
        )}
        {point && (
          <small class="line">
            {n(point.hits, 0)} / {n(point.of, 0)}
          </small>
        )}
      </td>
      <td class="number">{n(point?.pai)}</td>
      <td class="number">{n(point?.pei)}</td>
      <td class="number">{n(point?.rri)}</td>
      <td class="number">{n(point?.ser)}</td>
    </tr>
  );
}
