// Who is whose neighbour, drawn as lines between the middles of units. Pure functions of the result.
import type { LayerSpecification, SourceSpecification } from '@maplibre/maplibre-gl-style-spec';
import type { AnalysisResult, Position, Theme } from '../api/types';
import { isolatesOf, neighboursOf } from '../state/analysis-table';

/** The neighbours that are drawn: all of them, and those of one unit so that they stand out. */
export interface Links {
  chosen: number | null; // place of the unit in the result
}

/** Where the lines of each unit begin; null for one whose middle the result does not tell. */
const middleOf = (result: AnalysisResult, place: number): Position | null => {
  const [lon, lat] = result.units[place]?.at ?? [];
  return lon === undefined || lat === undefined ? null : [lon, lat];
};

/** The lines between pairs of units, by their places. */
export function linkLines(result: AnalysisResult, pairs: readonly (readonly number[])[]): Position[][] {
  return pairs.flatMap(([a = -1, b = -1]) => {
    const [from, to] = [middleOf(result, a), middleOf(result, b)];
    return from === null || to === null ? [] : [[from, to]];
  });
}

const feature = (kind: string, type: 'MultiLineString' | 'MultiPoint', coordinates: unknown) => ({
  type: 'Feature' as const,
  properties: { kind },
  geometry: { type, coordinates },
});

const source = 'client-links';

/** The source of the lines: all, those of the chosen unit, and the units that have none. */
export function linkSources(result: AnalysisResult, { chosen }: Links): Record<string, SourceSpecification> {
  const pairs = result.links ?? [];
  const own = chosen === null ? [] : neighboursOf(pairs, chosen).map((other) => [chosen, other]);
  const alone = isolatesOf(result).flatMap((place) => {
    const at = middleOf(result, place);
    return at === null ? [] : [at];
  });
  const features = [
    feature('all', 'MultiLineString', linkLines(result, pairs)),
    feature('own', 'MultiLineString', linkLines(result, own)),
    feature('alone', 'MultiPoint', alone),
  ];
  return { [source]: { type: 'geojson', data: { type: 'FeatureCollection', features } as never } };
}

const inks: Record<Theme, { halo: string; line: string }> = {
  light: { halo: '#ffffff', line: '#7a00c8' },
  dark: { halo: '#0b1014', line: '#ffd400' },
};

/** The layers of the lines: all of them thin, those of the chosen unit thick; a ring around who has none. */
export function linkLayers(theme: Theme): LayerSpecification[] {
  const { halo, line } = inks[theme];
  const lines = (id: string, kind: string, color: string, width: number, opacity: number): LayerSpecification => ({
    id,
    type: 'line',
    source,
    filter: ['==', ['get', 'kind'], kind],
    layout: { 'line-cap': 'round' },
    paint: { 'line-color': color, 'line-width': width, 'line-opacity': opacity },
  });
  return [
    lines('client-links-halo', 'all', halo, 2.6, 0.6),
    lines('client-links', 'all', line, 1, 0.8),
    lines('client-links-own-halo', 'own', halo, 6, 0.9),
    lines('client-links-own', 'own', line, 3.4, 1),
    {
      id: 'client-links-alone',
      type: 'circle',
      source,
      filter: ['==', ['get', 'kind'], 'alone'],
      paint: {
        'circle-radius': 6,
        'circle-opacity': 0,
        'circle-stroke-color': line,
        'circle-stroke-width': 2,
      },
    },
  ];
}
