// Filtering the map to entries of the legend.
import type { ExpressionSpecification } from '@maplibre/maplibre-gl-style-spec';
import type { Legend, LegendClass, LegendSpecial } from '../api/types';

/** Adds or takes away one legend entry. */
export const toggle = <T>(list: readonly T[], entry: T): T[] =>
  list.includes(entry) ? list.filter((other) => other !== entry) : [...list, entry];

/** The filter that keeps the places of the picked legend entries; null when all are to be shown. */
export function pickFilter(legend: Legend | undefined, picks: readonly string[]): ExpressionSpecification | null {
  if (legend === undefined || picks.length === 0) return null;
  const last = legend.classes.length - 1;
  const classes = legend.classes.flatMap((c, i) =>
    picks.includes(String(i)) ? [classFilter(legend.indicator, c, i === 0, i === last)] : [],
  );
  const specials = legend.special.flatMap((s) =>
    picks.includes(s.state) ? [stateFilter(legend.indicator, s.state)] : [],
  );
  return ['any', ...classes, ...specials];
}

/** A class holds from ≤ v < to; the last one its upper edge too. Zero is never in a class: it has its own entry. */
function classFilter(indicator: string, c: LegendClass, first: boolean, last: boolean): ExpressionSpecification {
  if (c.value !== undefined) return ['==', ['get', indicator], c.value];
  const v: ExpressionSpecification = ['to-number', ['get', indicator]];
  const bounds: ExpressionSpecification[] = [
    ['has', indicator],
    ['!=', v, 0],
  ];
  if (!first) bounds.push(['>=', v, c.from ?? 0]);
  if (!last) bounds.push(['<', v, c.to ?? 0]);
  return ['all', ...bounds];
}

const ofCases = (indicator: string): boolean => indicator === 'cases' || indicator === 'density';

function stateFilter(indicator: string, state: LegendSpecial['state']): ExpressionSpecification {
  const missing: ExpressionSpecification = ['!', ['has', indicator]];
  const counted = (as: string): ExpressionSpecification => ['==', ['get', 'cases_state'], as];
  if (state === 'zero') return ['all', ['has', indicator], ['==', ['to-number', ['get', indicator]], 0]];
  if (!ofCases(indicator)) return missing; // for one reason, which the legend names
  return state === 'nodata' ? ['all', missing, ['!', counted('suppressed')]] : counted(state);
}
