// Whether the map shows who is whose neighbour, and what there is to say of it.
import { computed, signal } from '@preact/signals';
import type { AnalysisResult } from '../api/types';
import type { Links } from '../map/analysis-links';
import { chosen, mapped } from './analysis';

/** Whether neighbours are drawn; off until somebody asks, because they cover what is below. */
export const linksShown = signal(false);

/** Whether there is anything to draw of a result: links, and where they begin. */
export const hasLinks = ({ links, units }: AnalysisResult): boolean =>
  links !== undefined && links.length > 0 && units.some(({ at }) => at !== undefined);

/** What the map draws of neighbours; null for nothing. */
export const drawnLinks = computed<Links | null>(() =>
  linksShown.value && mapped.value !== null && hasLinks(mapped.value) ? { chosen: chosen.value } : null,
);

/** The weights of a result, as its method tells of them. */
export interface Neighbourhood {
  spec: {
    kind: string;
    order?: number;
    cumulative?: boolean;
    k?: number;
    band_m?: number;
    snap_m?: number;
    isolates?: string;
    bridges?: [string, string][];
  };
  links: number | null; // pairs; null when there are too many to be told
  isolates: number;
  hash: string;
}

/** The weights of a result; null for a method without. */
export function neighbourhoodOf({ meta, links }: AnalysisResult): Neighbourhood | null {
  const is = meta.find(({ method }) => method.startsWith('weights-'));
  if (is === undefined) return null;
  const spec = is.params.spec as Neighbourhood['spec'];
  return { spec, links: links?.length ?? null, isolates: is.dropped?.isolate ?? 0, hash: is.weights ?? '' };
}
