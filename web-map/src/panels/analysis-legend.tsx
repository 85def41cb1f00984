// The classes of an analysis, and the colours of its surface.
import type { AnalysisResult } from '../api/types';
import { looks } from '../map/analysis';
import { surfaceGradient } from '../map/analysis-surface';
import { catalogue } from '../state/analysis';
import { entryTitle } from '../state/analysis-table';
import { address, change, lang, t, theme } from '../state/app';
import * as format from '../state/format';
import { toggle } from '../state/pick';
import { editionOf } from '../state/print';
import { latest } from '../state/resource';
import { LinksSwitch } from './analysis-links';
import { Swatch } from './swatch';

/** The classes with how many units are in each; a click filters the map and the table. */
export function AnalysisLegend({ result }: { result: AnalysisResult }) {
  const words = t.value.analysis;
  const { legend, surface, columns } = result;
  const { picks } = address.value;
  const look = looks(legend, latest(catalogue.loaded.value)?.classes ?? [], theme.value);
  const entries = surface === undefined ? legend.filter(({ id, n }) => n > 0 || picks.includes(id)) : [];
  if (entries.length === 0 && surface === undefined) return null;
  const edition = editionOf(result, words);
  return (
    <div>
      {edition && <p class="on-edition">{edition}</p>}
      <div role="group" aria-label={words.entries(result.title[lang.value])}>
        <ul class="entries">
          {entries.map((entry) => {
            const { color, pattern } = look.get(entry.id) ?? { color: 'none', pattern: null };
            const on = picks.includes(entry.id);
            return (
              <li key={entry.id}>
                <button
                  type="button"
                  class={picks.length > 0 && !on ? 'entry dimmed' : 'entry'}
                  aria-pressed={on}
                  onClick={() => change({ picks: toggle(picks, entry.id) })}
                >
                  <Swatch color={color} pattern={pattern ?? undefined} />
                  <span class="entry-label">{entryTitle(entry, columns[0], lang.value)}</span>
                  <span class="entry-count">{format.number(entry.n, lang.value)}</span>
                </button>
              </li>
            );
          })}
        </ul>
        {picks.length > 0 && (
          <button type="button" class="link" onClick={() => change({ picks: [] })}>
            {t.value.legend.showAll}
          </button>
        )}
      </div>
      <LinksSwitch result={result} />
      {surface !== undefined && (
        <div class="surface-legend">
          <p>{words.surface(surface.unit)}</p>
          <div class="surface-ramp" style={{ background: surfaceGradient(theme.value) }} aria-hidden="true" />
          <p class="surface-ends">
            <span>0</span>
            <span>{format.measure(surface.most, surface.unit, lang.value)}</span>
          </p>
          <small>{words.surfaceHint}</small>
        </div>
      )}
    </div>
  );
}
