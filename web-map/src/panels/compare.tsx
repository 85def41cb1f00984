// Two results beside each other on the map, and the line between them.
import { computed, effect, untracked } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { AnalysisResult, AnalysisRun } from '../api/types';
import { looks } from '../map/analysis';
import { surfaceImage } from '../map/analysis-surface';
import type { Swipe } from '../map/swipe';
import { catalogue, result } from '../state/analysis';
import { entryTitle } from '../state/analysis-table';
import { address, lang, meta, t, theme } from '../state/app';
import { map, padding, secondMap } from '../state/commands';
import { compareWith, divided, other, otherDrawn, otherOutcome } from '../state/compare';
import { clamped, type Free, limits, moved } from '../state/compare-divider';
import * as format from '../state/format';
import { editionOf, periodOf } from '../state/print';
import { latest } from '../state/resource';
import { Failure, IconButton } from './controls';
import { Swatch } from './swatch';

/** In a list of runs: holds the result that is shown against this one. */
export function CompareButton({ run }: { run: AnalysisRun }) {
  const words = t.value.compare;
  const { run: shown, against } = address.value;
  if (run.state !== 'done' || shown === null || shown === run.id) return null;
  const on = against === run.id;
  return (
    <button type="button" class="button small" aria-pressed={on} onClick={() => compareWith(on ? null : run.id)}>
      {on ? words.started : words.start}
    </button>
  );
}

/** The part of the map that the panels leave free. */
function free(): Free {
  const { left, right } = padding();
  return { width: document.querySelector('.map')?.clientWidth || innerWidth, left, right };
}

const place = computed(() => clamped(divided.value, free()));

/** Whether a place on the map, CSS pixels from its left edge, shows the other result. */
export const onOtherSide = (x: number): boolean => other.peek() !== null && x > place.peek() * free().width;

/** Lies over the map while two results are compared. */
export function CompareView() {
  const [first, second] = [result.value, other.value];
  const loaded = otherOutcome.loaded.value;
  if (loaded.state === 'failed' && address.value.against !== null) {
    return (
      <div class="compare-failed card">
        <Failure error={loaded.error} retry={otherOutcome.reload} />
        <button type="button" class="button small" onClick={() => compareWith(null)}>
          {t.value.compare.stop}
        </button>
      </div>
    );
  }
  if (first === null || second === null) return null;
  return (
    <div class="compare">
      <SecondMap />
      <Divider first={first} second={second} />
    </div>
  );
}

function SecondMap() {
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let shown: Swipe | null = null;
    const create = () => {
      const [style, container, commands] = [otherDrawn.peek(), holder.current, map.peek()];
      if (style === null || container === null || commands === null) return null;
      const colors = new Map(meta.peek()?.finding_states.map((s) => [s.id, s.color ?? '#8a9299']));
      return commands.beside(container, { style, colors, label: t.peek().compare.legend });
    };
    const stop = [
      effect(() => {
        const style = otherDrawn.value;
        if (style === null || map.value === null) return;
        if (shown === null) shown = secondMap.value = untracked(create);
        else shown.show(style);
      }),
      effect(() => {
        const surface = otherDrawn.value === null ? undefined : other.value?.surface;
        shown?.picture(surface === undefined ? null : surfaceImage(surface, theme.value));
      }),
      effect(() => {
        const at = place.value;
        if (holder.current) holder.current.style.clipPath = `inset(0 0 0 ${(at * 100).toFixed(3)}%)`;
      }),
    ];
    return () => {
      for (const end of stop) end();
      secondMap.value = null;
      if (map.peek() !== null) shown?.remove();
    };
  }, []);
  return <div class="compare-map" ref={holder} aria-hidden="true" />;
}

function Divider({ first, second }: { first: AnalysisResult; second: AnalysisResult }) {
  const words = t.value.compare;
  const at = place.value;
  const { from, to } = limits(free());
  const percent = (share: number) => Math.round(share * 100);
  const drag = (event: PointerEvent) => {
    const box = document.querySelector('.map')?.getBoundingClientRect();
    if (box === undefined || !(event.currentTarget instanceof HTMLElement)) return;
    if (event.type === 'pointerdown') event.currentTarget.setPointerCapture(event.pointerId);
    else if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    divided.value = clamped((event.clientX - box.left) / box.width, free());
  };
  const title = (r: AnalysisResult) =>
    [
      r.title[lang.value],
      [periodOf(r, lang.value), editionOf(r, t.value.analysis)].filter(Boolean).join(' · '),
    ] as const;
  return (
    <div class="compare-line" style={{ left: `${(at * 100).toFixed(3)}%` }}>
      <p class="compare-label left card">{words.left(...title(first))}</p>
      <div class="compare-label right card">
        <div class="compare-head">
          <p>{words.right(...title(second))}</p>
          <IconButton icon="close" label={words.stop} onClick={() => compareWith(null)} />
        </div>
        <OtherLegend result={second} />
      </div>
      <div
        class="compare-handle"
        role="slider"
        tabIndex={0}
        aria-orientation="horizontal"
        aria-label={words.divider}
        aria-valuemin={percent(from)}
        aria-valuemax={percent(to)}
        aria-valuenow={percent(at)}
        aria-valuetext={words.share(percent(at))}
        onPointerDown={drag}
        onPointerMove={drag}
        onKeyDown={(event) => {
          const next = moved(at, event.key, free());
          if (next === null) return;
          event.preventDefault();
          event.stopPropagation();
          divided.value = next;
        }}
      />
    </div>
  );
}

/** The classes of the right side: its ranges may be others than those of the left one. */
function OtherLegend({ result: r }: { result: AnalysisResult }) {
  const look = looks(r.legend, latest(catalogue.loaded.value)?.classes ?? [], theme.value);
  const entries = r.legend.filter(({ n }) => n > 0);
  if (entries.length === 0) return null;
  return (
    <details class="compare-legend">
      <summary>{t.value.compare.legend}</summary>
      <ul>
        {entries.map((entry) => {
          const { color, pattern } = look.get(entry.id) ?? { color: 'none', pattern: null };
          return (
            <li key={entry.id}>
              <Swatch color={color} pattern={pattern ?? undefined} />
              <span>{entryTitle(entry, r.columns[0], lang.value)}</span>
              <span class="entry-count">{format.number(entry.n, lang.value)}</span>
            </li>
          );
        })}
      </ul>
    </details>
  );
}
