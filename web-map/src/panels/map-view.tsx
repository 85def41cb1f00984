// Joins the map to the state: what the address says is drawn, what happens on the map goes into the address.
import { computed, effect, untracked } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { reachable, recognised } from '../api/http';
import { surfaceImage } from '../map/analysis-surface';
import { compose, type Overlay } from '../map/compose';
import type { DistrictMap, Listener, Spot } from '../map/district-map';
import { isPage, type View } from '../state/address';
import { catalogue, choose, mapped, pointed, tab, unitAt, units } from '../state/analysis';
import { drawnLinks } from '../state/analysis-links';
import {
  address,
  change,
  groundOnly,
  legend,
  meta,
  outlined,
  phone,
  report,
  shownLevel,
  startFault,
  style,
  t,
  theme,
} from '../state/app';
import { map, padding } from '../state/commands';
import { finish, tap } from '../state/draft';
import { draft, startDraft, step } from '../state/draft-store';
import { densities, ground, heat } from '../state/heat';
import { onceAFrame } from '../state/pace';
import { pickFilter } from '../state/pick';
import { latest } from '../state/resource';
import { CompareView, onOtherSide } from './compare';
import { hovered } from './hover';

const mapModule = import('../map/district-map'); // starts to load with the page, beside the first questions

/** What a sheet and the tabs cover on a phone, in CSS pixels; the style sheet has the same numbers. */
const covered = () => Math.round(innerHeight * 0.46 + 56);

const marking = computed(() => address.value.panel === 'mark');

const overlay = computed<Overlay>(() => {
  const { selection, picks } = address.value;
  const result = mapped.value;
  return {
    level: shownLevel.value,
    theme: theme.value,
    filter: result === null ? pickFilter(latest(legend.loaded.value), picks) : null,
    analysis: result && {
      result,
      classes: latest(catalogue.loaded.value)?.classes ?? [],
      picks,
      links: drawnLinks.value,
    },
    plain: groundOnly.value,
    outlined: outlined.value,
    point: selection?.type === 'point' ? [selection.lon, selection.lat] : null,
    draft: marking.value ? draft.value : null,
    extent: report.value?.extent ?? null,
  };
});

const drawn = computed(() => {
  const served = latest(style.loaded.value);
  return served === undefined ? null : compose(served, overlay.value);
});

function select({ at, finding, unit }: Spot): void {
  if (address.peek().panel === 'analysis' && mapped.peek() !== null && unit !== null && unitAt.peek().has(unit)) {
    tab.value = 'result';
    return choose(unit);
  }
  const selection =
    finding === null
      ? ({ type: 'point', lon: at[0], lat: at[1] } as const)
      : ({ type: 'finding', id: finding } as const);
  change({ selection, panel: null });
}

let told: View | null = null; // the view the map last told: not to be sent back to it

const listener: Listener = {
  moved(view) {
    told = view;
    change({ view });
  },
  looked(covered) {
    ground.value = covered;
  },
  tapped(spot, again) {
    if (!marking.value) return select(spot);
    startDraft(); // the panel may still be on its way
    step((d) => (again && d.shape === 'plot' ? finish(d) : tap(d, spot.at)));
  },
  keyed(key, spot) {
    if (!marking.value) return select(spot);
    startDraft();
    step((d) => (key === 'Enter' && d.shape === 'plot' ? finish(d) : tap(d, spot.at)));
  },
  hovered(hover) {
    hovered.value = marking.value || (hover !== null && onOtherSide(hover.x)) ? null : hover;
    if (mapped.peek() === null) return;
    const code = hover === null || hover.layer !== units.peek() ? null : unitCode(hover.properties);
    pointed.value = code === null ? null : { code, from: 'map' };
  },
  failed(why) {
    if (why === 'away') reachable.value = false;
    if (why === 'unknown-reader') recognised.value = false;
  },
};

const unitCode = (properties: Record<string, unknown>): string | null => {
  const code = properties[shownLevel.peek() === 'cells' ? 'id' : 'code'];
  return typeof code === 'string' ? code : null;
};

const near = (a: View, b: View): boolean =>
  Math.abs(a.lon - b.lon) < 2e-5 && Math.abs(a.lat - b.lat) < 2e-5 && Math.abs(a.zoom - b.zoom) < 0.011;

/** Follows a view that came from elsewhere: "Back", an edited address, the home button. */
function followView(shown: DistrictMap, view: View | null): void {
  if (view === null) {
    const box = meta.peek()?.district.bbox;
    if (box && told !== null) shown.fit(box, untracked(padding));
  } else if (told === null || !near(view, told)) shown.jump(view);
}

async function mount(container: HTMLElement, live: { gone: boolean; stop: (() => void)[] }): Promise<void> {
  const { DistrictMap } = await mapModule;
  if (live.gone) return;
  let shown: DistrictMap | null = null;
  const create = () => {
    const [served, style] = [meta.peek(), drawn.peek()];
    if (served === null || style === null) return null;
    const { view } = address.peek();
    const colors = new Map(served.finding_states.map((s) => [s.id, s.color ?? '#8a9299']));
    const start = {
      style,
      units: units.peek(),
      view,
      bounds: served.district.bbox,
      padding: untracked(padding),
      label: t.peek().map,
    };
    const created = new DistrictMap(container, start, colors, listener);
    map.value = {
      fit: (box, space, maxZoom) => created.fit(box, space, maxZoom),
      fly: (at, zoom) => created.fly(at, zoom, phone.peek() ? [0, -120] : [0, 0]),
      zoomBy: (steps) => created.zoomBy(steps),
      centre: () => created.centre(),
      focus: () => created.focus(),
      refresh: (changes) => created.refresh(changes),
      snapshot: (part) => created.snapshot(part),
      beside: (holder, start) => created.beside(holder, start),
    };
    return created;
  };
  const colour = onceAFrame(() => {
    const wanted = densities.peek();
    if (wanted !== undefined && !live.gone) shown?.colour(wanted);
  });
  live.stop.push(
    effect(() => {
      const style = drawn.value;
      if (style === null) return;
      if (shown === null) shown = untracked(create);
      else shown.show(style, units.peek());
    }),
    effect(() => {
      if (map.value !== null && shown !== null) followView(shown, address.value.view);
    }),
    effect(() => {
      if (densities.value !== undefined && map.value !== null) colour();
    }),
    effect(() => {
      const surface = mapped.value?.surface;
      const image = surface === undefined ? null : surfaceImage(surface, theme.value);
      if (map.value !== null) shown?.picture(image);
    }),
    effect(() => {
      const unit = pointed.value;
      if (map.value !== null && unit?.from !== 'map') shown?.highlight(unit?.code ?? null);
    }),
    effect(() => {
      if (map.value !== null) shown?.drawing(marking.value);
    }),
    effect(() => {
      if (map.value !== null) shown?.relabel(t.value.map);
    }),
    effect(() => {
      const { panel, selection } = address.value;
      const sheet = phone.value && (panel !== null || selection !== null);
      if (map.value !== null) shown?.cover(sheet ? covered() : 0);
    }),
    () => {
      map.value = ground.value = null;
      shown?.remove();
    },
  );
}

export function MapView() {
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const live: { gone: boolean; stop: (() => void)[] } = { gone: false, stop: [] };
    if (holder.current) {
      mount(holder.current, live).catch((error: Error) => {
        startFault.value = /WebGL/i.test(error.message) ? new Error(t.peek().noWebGL) : error;
      });
    }
    return () => {
      live.gone = true;
      for (const stop of live.stop) stop();
    };
  }, []);
  const busy = style.loaded.value.state === 'loading' || heat.loading.value;
  return (
    <div class={marking.value ? 'map marking' : 'map'} aria-busy={busy} inert={isPage(address.value.panel)}>
      <div class="canvas" ref={holder} aria-busy="true" />
      <div class="crosshair" aria-hidden="true" />
      <CompareView />
    </div>
  );
}
