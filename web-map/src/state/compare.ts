// Two results beside each other: the one of the address that is shown, and one that it is held against.
import { computed, signal } from '@preact/signals';
import * as api from '../api/analysis';
import type { AnalysisResult, AnalysisRun } from '../api/types';
import * as wangge from '../api/wangge';
import { compose } from '../map/compose';
import { catalogue, mapped } from './analysis';
import {
  address,
  caseFilter,
  change,
  classing,
  groundOnly,
  lang,
  meta,
  outlined,
  revision,
  shownLevel,
  style,
  theme,
} from './app';
import { latest, resource } from './resource';

/** The run to compare with, while there is a result to compare. */
const againstId = computed(() => {
  const { against, run } = address.value;
  return mapped.value === null || against === run ? null : against;
});

/** The other run, and what came out of it. */
export const otherOutcome = resource(
  () => againstId.value,
  async (id, abort) => {
    const [run, result] = await Promise.all([api.run(id, abort), api.result(id, abort)]);
    return { run, result };
  },
);

/** The result on the right side, with its run; null while there is none. */
export const otherAnalysis = computed<{ run: AnalysisRun; result: AnalysisResult } | null>(() => {
  const known = latest(otherOutcome.loaded.value);
  return known === undefined || known.run.id !== againstId.value ? null : known;
});

export const other = computed<AnalysisResult | null>(() => otherAnalysis.value?.result ?? null);

/** The style with the units of the other result, where they are of another level than those of the first. */
const otherStyle = resource(
  () => {
    const level = other.value?.level;
    if (level === undefined || level === shownLevel.value) return null;
    const indicator = meta.value?.indicators.find((i) => i.levels.includes(level))?.id ?? '';
    const show = address.value.show.filter((layer) => layer !== 'heat');
    const asked = { ...classing.value, level, indicator };
    return `${wangge.stylePath(asked, caseFilter.value, show, theme.value, lang.value)}#${revision.value}`;
  },
  (key, abort) => wangge.style(key.slice(0, key.lastIndexOf('#')), abort),
);

/** What the right side draws; null before it can. */
export const otherDrawn = computed(() => {
  const result = other.value;
  if (result === null) return null;
  const served = latest((result.level === shownLevel.value ? style : otherStyle).loaded.value);
  if (served === undefined || !(result.level in served.sources)) return null;
  return compose(served, {
    level: result.level,
    theme: theme.value,
    filter: null,
    plain: groundOnly.value,
    outlined: outlined.value,
    point: null,
    draft: null,
    extent: null,
    analysis: { result, classes: latest(catalogue.loaded.value)?.classes ?? [], picks: address.value.picks },
  });
});

/** Where the line between the two stands: a share of the width of the map. Not a number before it was put anywhere. */
export const divided = signal(Number.NaN);

/** Holds the result that is shown against another run; null ends it. */
export function compareWith(run: string | null): void {
  divided.value = Number.NaN;
  change({ against: run });
}
