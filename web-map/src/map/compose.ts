// The style on the screen = the server's style + what only this client knows. A pure function, so that MapLibre's own
// comparison of styles finds what changed and nothing flickers.
import type {
  ExpressionSpecification,
  FilterSpecification,
  LayerSpecification,
  SourceSpecification,
  StyleSpecification,
} from '@maplibre/maplibre-gl-style-spec';
import type { Box, Level, Position, Theme } from '../api/types';
import { analysedLayers, analysisSources, type Drawing, fromSource, isPattern } from './analysis';

export interface Overlay {
  level: Level;
  theme: Theme;
  filter: ExpressionSpecification | null; // legend entries picked
  plain: boolean; // nothing is known of any unit: no pattern says so of each
  outlined: { level: string; code: string } | null; // level: or the source of the unit
  point: Position | null; // the place asked about
  draft: { shape: 'point' | 'plot'; corners: readonly Position[]; finished: boolean } | null;
  extent: Box | null; // of an import under review
  analysis?: Drawing | null; // in place of the coloured areas
}

/** Adds the overlay to a style of the server; neither argument is changed. */
export function compose(style: StyleSpecification, overlay: Overlay): StyleSpecification {
  const colors =
    overlay.theme === 'dark' ? { core: '#ffffff', casing: '#000000' } : { core: '#0b2a33', casing: '#ffffff' };
  const { analysis } = overlay;
  const sources = { ...style.sources, ...(analysis && analysisSources(analysis)), ...sourcesOf(overlay) };
  return {
    ...style,
    sources,
    layers: [
      ...(analysis ? analysedLayers(style, analysis, overlay.theme) : ownLayers(style, overlay)),
      ...outlineLayers(sources, overlay.outlined, colors),
      ...drawnLayers(colors),
    ],
  };
}

const ownLayers = (style: StyleSpecification, overlay: Overlay): LayerSpecification[] =>
  style.layers.filter((layer) => !overlay.plain || !isPattern(layer)).map((layer) => narrowed(layer, overlay));

/** Lets only the picked legend entries through the fills of the level. */
function narrowed(layer: LayerSpecification, overlay: Overlay): LayerSpecification {
  if (overlay.filter === null || layer.type !== 'fill' || layer.source !== overlay.level) return layer;
  const own = layer.filter as ExpressionSpecification | undefined;
  const filter: FilterSpecification = own === undefined ? overlay.filter : ['all', own, overlay.filter];
  return { ...layer, filter };
}

interface Colors {
  core: string;
  casing: string;
}

/** The outline of the selected unit, which need not be of the coloured level. */
function outlineLayers(
  sources: StyleSpecification['sources'],
  outlined: Overlay['outlined'],
  colors: Colors,
): LayerSpecification[] {
  if (outlined === null || !(outlined.level in sources)) return [];
  const line = (id: string, color: string, width: number): LayerSpecification => ({
    id,
    type: 'line',
    ...fromSource(outlined.level),
    filter: ['==', ['get', outlined.level === 'cells' ? 'id' : 'code'], outlined.code],
    layout: { 'line-join': 'round' },
    paint: { 'line-color': color, 'line-width': width },
  });
  return [line('client-outlined-casing', colors.casing, 6), line('client-outlined', colors.core, 2.8)];
}

const accent = '#e0218a';

function drawnLayers({ core, casing }: Colors): LayerSpecification[] {
  return [
    {
      id: 'client-extent',
      type: 'line',
      source: 'client-extent',
      paint: { 'line-color': accent, 'line-width': 2, 'line-dasharray': [3, 2] },
    },
    {
      id: 'client-draft-fill',
      type: 'fill',
      source: 'client-draft',
      filter: ['==', ['geometry-type'], 'Polygon'],
      paint: { 'fill-color': accent, 'fill-opacity': 0.28 },
    },
    {
      id: 'client-draft-line',
      type: 'line',
      source: 'client-draft',
      filter: ['!=', ['geometry-type'], 'Point'],
      paint: { 'line-color': accent, 'line-width': 2.5 },
    },
    {
      id: 'client-draft-corner',
      type: 'circle',
      source: 'client-draft',
      filter: ['==', ['geometry-type'], 'Point'],
      paint: { 'circle-radius': 6, 'circle-color': accent, 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 2 },
    },
    {
      id: 'client-point',
      type: 'circle',
      source: 'client-point',
      paint: { 'circle-radius': 5, 'circle-color': casing, 'circle-stroke-color': core, 'circle-stroke-width': 3 },
    },
  ];
}

type Geometry =
  | { type: 'Point'; coordinates: Position }
  | { type: 'LineString'; coordinates: Position[] }
  | { type: 'Polygon'; coordinates: Position[][] };

const geojson = (geometries: Geometry[]): SourceSpecification => ({
  type: 'geojson',
  data: {
    type: 'FeatureCollection',
    features: geometries.map((geometry) => ({ type: 'Feature', properties: {}, geometry })),
  },
});

function sourcesOf({ point, draft, extent }: Overlay): Record<string, SourceSpecification> {
  return {
    'client-point': geojson(point === null ? [] : [{ type: 'Point', coordinates: point }]),
    'client-draft': geojson(draft === null ? [] : draftGeometries(draft)),
    'client-extent': geojson(extent === null ? [] : [boxOutline(extent)]),
  };
}

function draftGeometries(draft: NonNullable<Overlay['draft']>): Geometry[] {
  const corners = [...draft.corners];
  const points: Geometry[] = corners.map((coordinates) => ({ type: 'Point', coordinates }));
  const [first] = corners;
  if (draft.shape === 'point' || first === undefined || corners.length < 2) return points;
  if (corners.length === 2) return [{ type: 'LineString', coordinates: corners }, ...points];
  return [{ type: 'Polygon', coordinates: [[...corners, first]] }, ...points];
}

function boxOutline([w, s, e, n]: Box): Geometry {
  return {
    type: 'LineString',
    coordinates: [
      [w, s],
      [e, s],
      [e, n],
      [w, n],
      [w, s],
    ],
  };
}
