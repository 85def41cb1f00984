// Near repeats: how much more than by chance, by bands of distance and time.
import type { AnalysisMatrix } from '../api/types';
import { figure } from '../state/analysis-table';
import { lang, t } from '../state/app';

/** How dark a cell is, 0…1: nothing up to what chance gives, all at three times as much. */
export const heatOfRatio = (ratio: number | null): number =>
  ratio === null ? 0 : Math.max(0, Math.min(1, (ratio - 1) / 2));

export function PairMatrix({ matrix }: { matrix: AnalysisMatrix }) {
  const words = t.value.analysis.matrix;
  return (
    <section>
      <h3>{words.title}</h3>
      <p class="hint">{words.hint}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard (WCAG 2.1.1) */}
      <div class="ranking-box" tabIndex={0} role="group" aria-label={words.title}>
        <table class="figures matrix">
          <thead>
            <tr>
              <th scope="col">
                {matrix.row_title[lang.value]}
                <small class="line">{matrix.col_title[lang.value]} →</small>
              </th>
              {matrix.cols.map((title) => (
                <th scope="col" key={title}>
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {matrix.rows.map((title, row) => (
              <tr key={title}>
                <th scope="row">{title}</th>
                {(matrix.cells[row] ?? []).map((cell, column) => (
                  <Cell key={matrix.cols[column] ?? ''} cell={cell} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Cell({ cell }: { cell: AnalysisMatrix['cells'][number][number] }) {
  const n = (value: number | null, decimals: number) => figure(value, '', decimals, lang.value);
  const share = Math.round(heatOfRatio(cell.ratio) * 45);
  const words = t.value.analysis.matrix.cell(n(cell.observed, 0), n(cell.expected, 1), n(cell.p, 3));
  return (
    <td
      class={cell.certain ? 'number certain' : 'number'}
      style={{ background: `color-mix(in srgb, var(--matrix) ${share}%, transparent)` }}
      title={words}
    >
      {n(cell.ratio, 2)}
      <small class="line">{n(cell.observed, 0)}</small>
      <span class="hidden">{words}</span>
    </td>
  );
}
