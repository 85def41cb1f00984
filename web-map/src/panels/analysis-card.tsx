// The analysis on the map, where the legend of the coloured areas is otherwise: to read, to open again, to take off.
import { mapped, showRun } from '../state/analysis';
import { address, change, lang, t } from '../state/app';
import * as format from '../state/format';
import { AnalysisLegend } from './analysis-legend';

/** The legend of the analysis that the map shows; nothing while it shows none. */
export function AnalysisCard() {
  const words = t.value.analysis;
  const shown = mapped.value;
  if (shown === null) return null;
  const { from, to } = shown.request;
  return (
    <div class="analysis-card">
      <div>
        <strong>{shown.title[lang.value]}</strong>
        <small class="line">{from && to ? format.period(from, to, lang.value) : ''}</small>
      </div>
      <AnalysisLegend result={shown} />
      <div class="actions">
        {address.value.panel !== 'analysis' && (
          <button type="button" class="button small" onClick={() => change({ panel: 'analysis' })}>
            {words.reopen}
          </button>
        )}
        <button type="button" class="button small" onClick={() => showRun(null)}>
          {words.clear}
        </button>
      </div>
    </div>
  );
}
