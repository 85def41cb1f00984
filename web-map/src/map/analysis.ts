// How an analysis is drawn: its classes in place of the coloured areas, its clusters as circles, its surface with
// contours. Pure functions of the result, as the rest of the style is.
import type {
  ExpressionSpecification,
  LayerSpecification,
  SourceSpecification,
  StyleSpecification,
} from '@maplibre/maplibre-gl-style-spec';
import type {
  AnalysisCircle,
  AnalysisClass,
  AnalysisEntry,
  AnalysisResult,
  AnalysisSurface,
  Position,
  Theme,
} from '../api/types';
import { type Links, linkLayers, linkSources } from './analysis-links';
import { patterns } from './patterns';

/** What is drawn of an analysis. */
export interface Drawing {
  result: AnalysisResult;
  classes: readonly AnalysisClass[]; // of the catalogue
  picks: readonly string[]; // classes that are shown, all when empty
  links?: Links | null; // who is whose neighbour, when it is asked for
}

export const clear = 'rgba(0, 0, 0, 0)';

/** Five steps from little to much: on a dark ground what is much is bright. */
const ramps: Record<Theme, readonly string[]> = {
  light: ['#fff7d2', '#eaa955', '#af7453', '#6a494a', '#311c29'],
  dark: ['#3e0044', '#374990', '#008ac8', '#98bcba', '#fff0e2'],
};

/** The colours of n classes of numbers, from little to much. */
export function ramp(n: number, theme: Theme): string[] {
  const steps = ramps[theme];
  return Array.from({ length: n }, (_, i) => steps[n === 1 ? 2 : Math.round((i * (steps.length - 1)) / (n - 1))] ?? '');
}

/** How a class looks. */
export interface Look {
  color: string; // clear for none
  pattern: string | null; // a name of patterns
}

const numbered = (id: string): boolean => /^q\d+$/.test(id);

/** The look of each class of a legend, by its id. */
export function looks(
  legend: readonly AnalysisEntry[],
  classes: readonly AnalysisClass[],
  theme: Theme,
): Map<string, Look> {
  const numbers = legend.filter(({ id }) => numbered(id));
  const colors = ramp(numbers.length, theme);
  return new Map(
    legend.map(({ id }): [string, Look] => {
      if (numbered(id)) return [id, { color: colors[numbers.findIndex((n) => n.id === id)] ?? clear, pattern: null }];
      const found = classes.find((c) => c.id === id);
      const color = found?.[theme] ?? '#00000000';
      const pattern = found?.pattern ?? '';
      return [
        id,
        {
          color: color.endsWith('00') && color.length === 9 ? clear : color,
          pattern: pattern in patterns ? pattern : null,
        },
      ];
    }),
  );
}

/** The source of the grids of an edition that is not on the map. */
export const editionSource = (id: string): string => `client-edition-${id}`;

/** The source that holds the units of a result: the tiles of its level, or the outlines that it brings along. */
export const unitSource = ({ level, other_edition: other }: AnalysisResult): string =>
  other === undefined ? level : editionSource(other.id);

/** How a layer names its source: only tiles have layers of their own. */
export const fromSource = (source: string): { source: string; 'source-layer'?: string } =>
  source.startsWith('client-') ? { source } : { source, 'source-layer': source };

/** The name of a unit in its source. */
const unitName = (level: string): ExpressionSpecification => ['get', level === 'cells' ? 'id' : 'code'];

/** The units of each class, of the picked ones when there are any. */
function codesByClass({ result, picks }: Drawing): Map<string, string[]> {
  const byClass = new Map<string, string[]>();
  if (result.surface !== undefined) return byClass; // which shows the same without borders
  for (const { class: id, code } of result.units) {
    if (picks.length > 0 && !picks.includes(id)) continue;
    byClass.set(id, [...(byClass.get(id) ?? []), code]);
  }
  return byClass;
}

/** The colour of each unit by its class. */
export function fillColor(drawing: Drawing, theme: Theme): string | ExpressionSpecification {
  const look = looks(drawing.result.legend, drawing.classes, theme);
  const arms = [...codesByClass(drawing)].flatMap(([id, codes]) => {
    const color = look.get(id)?.color ?? clear;
    return color === clear ? [] : [codes, color];
  });
  if (arms.length === 0) return clear;
  return ['match', unitName(drawing.result.level), ...arms, clear] as unknown as ExpressionSpecification;
}

/** Patterns say what is not known: they are faint, so that what is known stands out. */
function patternLayers(drawing: Drawing, theme: Theme): LayerSpecification[] {
  const { level, legend } = drawing.result;
  const source = unitSource(drawing.result);
  const look = looks(legend, drawing.classes, theme);
  const byPattern = new Map<string, string[]>();
  for (const [id, codes] of codesByClass(drawing)) {
    const pattern = look.get(id)?.pattern ?? null;
    if (pattern !== null) byPattern.set(pattern, [...(byPattern.get(pattern) ?? []), ...codes]);
  }
  return [...byPattern].map(
    ([pattern, codes]) =>
      ({
        id: `client-analysis-${pattern}`,
        type: 'fill',
        ...fromSource(source),
        filter: ['in', unitName(level), ['literal', codes]],
        paint: { 'fill-pattern': pattern, 'fill-opacity': 0.5 },
      }) as LayerSpecification,
  );
}

const earthM = 6_371_008.8; // mean radius

/** A circle on the ground as a closed ring of n corners, lon lat in degrees. */
export function circleRing(lon: number, lat: number, radiusM: number, n = 72): Position[] {
  const rad = Math.PI / 180;
  const [at, reach] = [lat * rad, radiusM / earthM];
  const ring = Array.from({ length: n }, (_, i): Position => {
    const bearing = (2 * Math.PI * i) / n;
    const to = Math.asin(Math.sin(at) * Math.cos(reach) + Math.cos(at) * Math.sin(reach) * Math.cos(bearing));
    const east = Math.atan2(
      Math.sin(bearing) * Math.sin(reach) * Math.cos(at),
      Math.cos(reach) - Math.sin(at) * Math.sin(to),
    );
    return [lon + east / rad, to / rad];
  });
  const [first] = ring;
  return first === undefined ? [] : [...ring, first];
}

/** A cluster of one unit has no radius: it is drawn so large that it can be seen. */
const leastRadiusM = 250;

const featureOf = (properties: Record<string, unknown>, geometry: object) => ({
  type: 'Feature' as const,
  properties,
  geometry,
});

const collection = (features: ReturnType<typeof featureOf>[]): SourceSpecification => ({
  type: 'geojson',
  data: { type: 'FeatureCollection', features } as never,
});

const circleFeatures = (circles: readonly AnalysisCircle[]) =>
  circles.flatMap(({ rank, lon, lat, radius_m, certain }) => {
    const ring = circleRing(lon, lat, Math.max(radius_m, leastRadiusM));
    const top = ring[0] ?? [lon, lat];
    return [
      featureOf({ rank, certain }, { type: 'LineString', coordinates: ring }),
      featureOf({ rank, certain, label: String(rank) }, { type: 'Point', coordinates: top }),
    ];
  });

const contourFeatures = (surface: AnalysisSurface | undefined) =>
  (surface?.contours ?? []).map(({ value, lines }) =>
    featureOf({ value }, { type: 'MultiLineString', coordinates: lines }),
  );

/** The grids of an edition that is not on the map: the pointer and the style know them by their codes, as those of the tiles. */
const editionGrids = ({ units }: AnalysisResult): SourceSpecification =>
  ({
    ...(collection(
      units.map(({ code, name, outline }) =>
        featureOf({ code, name }, { type: 'MultiPolygon', coordinates: outline ?? [] }),
      ),
    ) as object),
    type: 'geojson',
    promoteId: 'code',
  }) as SourceSpecification;

export const surfaceSource = 'client-surface';

/** The sources that an analysis adds. */
export function analysisSources({ result, links }: Drawing): Record<string, SourceSpecification> {
  const { circles, surface } = result;
  const sources: Record<string, SourceSpecification> = {};
  if (result.other_edition !== undefined) sources[unitSource(result)] = editionGrids(result);
  if (circles !== undefined && circles.length > 0) sources['client-circles'] = collection(circleFeatures(circles));
  if (links) Object.assign(sources, linkSources(result, links));
  if (surface === undefined) return sources;
  sources['client-contours'] = collection(contourFeatures(surface));
  sources[surfaceSource] = { type: 'image', coordinates: surface.corners as never };
  return sources;
}

const inks: Record<Theme, { ink: string; halo: string; circle: string }> = {
  light: { ink: '#1b2228', halo: '#ffffff', circle: '#b10026' },
  dark: { ink: '#ffffff', halo: '#0b1014', circle: '#ff8a80' },
};

function circleLayers(theme: Theme): LayerSpecification[] {
  const { halo, circle } = inks[theme];
  const line = (id: string, certain: boolean, color: string, width: number): LayerSpecification => ({
    id,
    type: 'line',
    source: 'client-circles',
    filter: ['all', ['==', ['geometry-type'], 'LineString'], ['==', ['get', 'certain'], certain]],
    paint: { 'line-color': color, 'line-width': width, ...(certain ? {} : { 'line-dasharray': [3, 2] }) },
  });
  return [
    line('client-circles-halo', true, halo, 5),
    line('client-circles-halo-dashed', false, halo, 5),
    line('client-circles-certain', true, circle, 2.5),
    line('client-circles-dashed', false, circle, 2),
    {
      id: 'client-circles-rank',
      type: 'symbol',
      source: 'client-circles',
      filter: ['==', ['geometry-type'], 'Point'],
      layout: {
        'text-field': ['get', 'label'],
        'text-font': ['Noto Sans Bold'],
        'text-size': 14,
        'text-allow-overlap': true,
        'text-ignore-placement': true,
      },
      paint: { 'text-color': circle, 'text-halo-color': halo, 'text-halo-width': 2 },
    },
  ];
}

function contourLayers(theme: Theme): LayerSpecification[] {
  const { ink, halo } = inks[theme];
  return [
    {
      id: 'client-contours-halo',
      type: 'line',
      source: 'client-contours',
      paint: { 'line-color': halo, 'line-width': 2.4, 'line-opacity': 0.6 },
    },
    { id: 'client-contours', type: 'line', source: 'client-contours', paint: { 'line-color': ink, 'line-width': 0.9 } },
    {
      id: 'client-contours-value',
      type: 'symbol',
      source: 'client-contours',
      layout: {
        'symbol-placement': 'line',
        'text-field': ['number-format', ['get', 'value'], { 'max-fraction-digits': 2 }],
        'text-font': ['Noto Sans Regular'],
        'text-size': 11,
      },
      paint: { 'text-color': ink, 'text-halo-color': halo, 'text-halo-width': 1.4 },
    },
  ];
}

const surfaceLayer: LayerSpecification = {
  id: surfaceSource,
  type: 'raster',
  source: surfaceSource,
  paint: { 'raster-opacity': 0.85, 'raster-fade-duration': 0 },
};

/** Whether a layer is a pattern over coloured areas. */
export const isPattern = (layer: LayerSpecification): boolean =>
  layer.type === 'fill' && layer.paint?.['fill-pattern'] !== undefined;

/** A layer of the units on the map as one of the units of the result: the same look and marks on other outlines. */
function moved(layer: LayerSpecification, result: AnalysisResult): LayerSpecification {
  const from = unitSource(result);
  if (!('source' in layer) || layer.source !== result.level || from === result.level) return layer;
  const { 'source-layer': _, ...rest } = layer as LayerSpecification & { 'source-layer'?: string };
  return { ...rest, source: from } as LayerSpecification;
}

/** The layers of a style with the analysis in place of the coloured areas, below whatever was found and is written. */
export function analysedLayers(style: StyleSpecification, drawing: Drawing, theme: Theme): LayerSpecification[] {
  const { result } = drawing;
  const { level, surface, circles = [] } = result;
  const below: LayerSpecification[] = [];
  const above: LayerSpecification[] = [];
  let top = false; // from here on lies what stays above
  for (const layer of style.layers) {
    const source = 'source' in layer ? layer.source : '';
    if (source === level && isPattern(layer)) continue;
    if (result.other_edition !== undefined && layer.id === 'labels-grid') continue; // the names of the grids on the map
    top ||= source === 'findings' || layer.type === 'symbol';
    if (layer.id !== `${level}-fill` || layer.type !== 'fill') {
      (top ? above : below).push(moved(layer, result));
      continue;
    }
    const fill = { ...layer, paint: { ...layer.paint, 'fill-color': fillColor(drawing, theme) } };
    below.push(moved(fill, result));
    below.push(...patternLayers(drawing, theme));
    if (surface !== undefined) below.push(surfaceLayer);
  }
  return [
    ...below,
    ...(surface === undefined ? [] : contourLayers(theme)),
    ...(drawing.links ? linkLayers(theme) : []),
    ...above,
    ...(circles.length === 0 ? [] : circleLayers(theme)),
  ];
}
