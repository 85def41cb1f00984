// One finding: what was seen, where, and where it stands.

import type { Finding, Named } from '../api/types';
import { cellOutline, inkOn, symbols } from '../map/symbols';
import { finding, lang, meta, t } from '../state/app';
import * as format from '../state/format';
import { latest } from '../state/resource';
import { Drawer, Failure, Loading } from './controls';
import { closeSelection } from './here';

/** The same symbol as on the map. */
export function StateSymbol({ state, size = 18 }: { state: string; size?: number }) {
  const symbol = symbols[state];
  const color = meta.value?.finding_states.find((s) => s.id === state)?.color ?? '#8a9299';
  if (symbol === undefined) return null;
  return (
    <svg class="state-symbol" viewBox="0 0 24 24" width={size} height={size} aria-hidden="true">
      <path d={symbol.outline} fill={color} />
      <path d={symbol.mark} stroke={inkOn(color)} class="state-mark" />
    </svg>
  );
}

/** The symbol of a cell with findings, as on the map. */
export function CellSymbol({ state, size = 18 }: { state: string; size?: number }) {
  const color = meta.value?.finding_states.find((s) => s.id === state)?.color ?? '#8a9299';
  return (
    <svg class="state-symbol" viewBox="0 0 24 24" width={size} height={size} aria-hidden="true">
      <path d={cellOutline} class="cell-casing" />
      <path d={cellOutline} class="cell-core" stroke={color} />
    </svg>
  );
}

export const named = (list: readonly Named[] | undefined, id: string): string =>
  list?.find((n) => n.id === id)?.title[lang.value] ?? id;

export function FindingPanel() {
  const loaded = finding.loaded.value;
  const found = latest(loaded);
  const title = found ? named(meta.value?.finding_kinds, found.kind) : t.value.finding.title;
  return (
    <Drawer title={title} subtitle={t.value.finding.title} onClose={closeSelection}>
      {loaded.state === 'failed' && <Failure error={loaded.error} retry={finding.reload} />}
      {loaded.state === 'loading' && found === undefined && <Loading />}
      {found && <Details found={found} />}
    </Drawer>
  );
}

function Details({ found }: { found: Finding }) {
  const words = t.value.finding;
  const rows: [string, string | undefined][] = [
    [words.confidence, t.value.mark.confidences[found.confidence - 1]],
    [words.source, named(meta.value?.finding_sources, found.source)],
    [words.seenAt, format.instant(found.seen_at, lang.value)],
    [t.value.here.town, found.town],
    [t.value.here.village, found.village],
    [t.value.here.grid, found.grid],
    [t.value.here.area, found.area_m2 ? format.area(found.area_m2, lang.value) : undefined],
  ];
  return (
    <>
      <p class="finding-state">
        <StateSymbol state={found.state} size={22} />
        {named(meta.value?.finding_states, found.state)}
        {found.synthetic && <span class="chip-static">{t.value.syntheticShort}</span>}
      </p>
      <dl class="places">
        {rows.map(([label, text]) =>
          text ? (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{text}</dd>
            </div>
          ) : null,
        )}
      </dl>
    </>
  );
}
