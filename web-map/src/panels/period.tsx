// The period bar: casework by month. Brush a range, click a year, use the keys, or play it.
import { batch, signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Periods, Value } from '../api/types';
import { address, change, groundOnly, lang, meta, periods, smallest, t } from '../state/app';
import * as format from '../state/format';
import { brushing, reachFor, reachNothing, reachOn } from '../state/heat';
import {
  brush,
  brushes,
  cuts,
  keyed,
  keyMove,
  lastMonths,
  monthsBetween,
  nextFrame,
  periodOf,
  type Range,
  rangeOf,
  shifts,
  wholeYears,
  yearRange,
} from '../state/period';
import { toggle } from '../state/pick';
import { latest } from '../state/resource';
import { Failure, Loading } from './controls';
import { Icon } from './icon';

const playing = signal(false);
const frameMs = 1100;

type Months = Periods['months'];
type Wider = Periods['wider'][number];

export function PeriodBar() {
  const loaded = periods.loaded.value;
  const known = latest(loaded);
  const words = t.value.period;
  if (groundOnly.value) return <p class="nothing">{t.value.here.groundOnly}</p>;
  return (
    <div class="period" role="group" aria-label={words.label}>
      {known && known.months.length > 0 && <Bar told={known} />}
      {known?.months.length === 0 && <p class="nothing">{words.none}</p>}
      {known === undefined && loaded.state === 'loading' && <Loading />}
      {meta.value?.period === undefined && <p class="nothing">{words.none}</p>}
      {loaded.state === 'failed' && <Failure error={loaded.error} retry={periods.reload} />}
      <Kinds />
    </div>
  );
}

function Bar({ told }: { told: Periods }) {
  const { months, wider, closed } = told;
  const names = months.map((m) => m.month);
  const asked = rangeOf(names, address.value.from, address.value.to);
  const range = brushing.value ?? asked;
  const choose = (next: Range, then = reachNothing) =>
    batch(() => {
      playing.value = false;
      brushing.value = null;
      then();
      change(periodOf(names, next));
    });
  usePlayer(names, asked, choose);
  return (
    <>
      <Head names={names} closed={closed} range={range} choose={choose} />
      <Histogram months={months} wider={wider} range={range} choose={choose} />
      <Years names={names} choose={choose} />
      <Key names={names} wider={wider} closed={closed} range={range} />
    </>
  );
}

/** Moves the range on while playing; a range over everything starts as a year. The last frame goes into the address. */
function usePlayer(names: string[], asked: Range, choose: (range: Range) => void): void {
  const settle = useRef(() => {});
  settle.current = () => {
    if (brushing.peek() !== null) choose(brushing.peek() ?? asked);
  };
  useEffect(() => () => settle.current(), []); // the bar is closed while it plays
  useEffect(() => {
    if (!playing.value) return undefined;
    const count = names.length;
    const whole = asked.last - asked.first === count - 1;
    const show = (next: Range) =>
      batch(() => {
        brushing.value = next;
        reachOn(() => shifts(next, count), next);
      });
    show(whole ? { first: 0, last: Math.min(11, count - 1) } : asked);
    const timer = setInterval(() => {
      if (playing.peek()) show(nextFrame(brushing.peek() ?? asked, count));
    }, frameMs);
    return () => clearInterval(timer);
  }, [playing.value, names.length]);
}

/** What the bars mean, and what the chosen range leaves out. */
function Key({ names, wider, closed, range }: { names: string[]; wider: Wider[]; closed: string; range: Range }) {
  const words = t.value.period;
  const cut = wider.some((span) => cuts(span, names[range.first] ?? '', names[range.last] ?? ''));
  return (
    <p class="period-key">
      <span>
        <i class="key-month" aria-hidden="true" />
        {words.byMonth}
      </span>
      {wider.length > 0 && (
        <span>
          <i class="key-wider" aria-hidden="true" />
          {words.byWider}
        </span>
      )}
      <span>{words.open(format.month(closed, lang.value))}</span>
      {cut && <span class="period-cut">{words.cut}</span>}
    </p>
  );
}

function Head(props: { names: string[]; closed: string; range: Range; choose: (range: Range) => void }) {
  const { names, closed, range, choose } = props;
  const words = t.value.period;
  const years = wholeYears(names, closed, 3);
  const year = meta.value?.now.slice(0, 4) ?? '';
  const pick = (next: Range) => () => choose(next);
  return (
    <div class="period-head">
      <button
        type="button"
        class="play"
        aria-label={playing.value ? words.pause : words.play}
        title={playing.value ? words.pause : words.play}
        onClick={() => {
          if (playing.value) choose(range);
          else playing.value = true;
        }}
      >
        <Icon name={playing.value ? 'pause' : 'play'} size={16} />
      </button>
      <strong class="period-text" aria-live={playing.value ? 'off' : 'polite'}>
        {format.period(names[range.first] ?? '', names[range.last] ?? '', lang.value)}
      </strong>
      <span class="presets">
        <button type="button" class="button small" onClick={pick(lastMonths(12, names.length))}>
          {words.last12}
        </button>
        {years && (
          <button type="button" class="button small" onClick={pick(years)}>
            {words.lastYears}
          </button>
        )}
        {names.some((m) => m.startsWith(year)) && (
          <button type="button" class="button small" onClick={pick(yearRange(names, year))}>
            {words.thisYear}
          </button>
        )}
        <button type="button" class="button small" onClick={pick({ first: 0, last: names.length - 1 })}>
          {words.all}
        </button>
      </span>
    </div>
  );
}

const edgePx = 9;

function Histogram(props: {
  months: Months;
  wider: Wider[];
  range: Range;
  choose: (range: Range, then?: () => void) => void;
}) {
  const { months, wider, range, choose } = props;
  const track = useRef<HTMLDivElement>(null);
  const anchor = useRef<number | null>(null);
  const count = months.length;
  const top = Math.max(1, ...months.map((m) => m.value.to ?? m.value.n ?? 0), ...wider.map(perMonth));
  const monthAt = (x: number): number => {
    const box = track.current?.getBoundingClientRect();
    return box ? Math.floor(((x - box.left) / box.width) * count) : 0;
  };
  const show = (next: Range, from: number) =>
    batch(() => {
      brushing.value = next;
      reachOn(() => brushes(from, count), next);
    });
  const down = (event: PointerEvent) => {
    track.current?.setPointerCapture(event.pointerId);
    const from = anchorFor(event.clientX, track.current, range, count) ?? monthAt(event.clientX);
    anchor.current = from;
    batch(() => {
      playing.value = false;
      reachNothing();
      show(brush(from, monthAt(event.clientX), count), from);
    });
  };
  const moved = (event: PointerEvent) => {
    if (anchor.current !== null) show(brush(anchor.current, monthAt(event.clientX), count), anchor.current);
  };
  const up = () => {
    if (anchor.current !== null && brushing.value !== null) choose(brushing.value);
    anchor.current = null;
  };
  const focused = (event: FocusEvent) => {
    const byKeys = event.currentTarget instanceof Element && event.currentTarget.matches(':focus-visible');
    if (byKeys && !playing.value) reachFor(keyed(range, count), range);
  };
  const key = (event: KeyboardEvent) => {
    const next = keyMove(event.key, event.shiftKey, range, count);
    if (next === null) return;
    event.preventDefault();
    choose(next, () => reachOn(() => keyed(next, count), next));
  };
  const names = months.map((m) => m.month);
  return (
    <div
      ref={track}
      class="histogram"
      role="slider"
      tabIndex={0}
      aria-label={t.value.period.slider}
      aria-valuemin={0}
      aria-valuemax={count - 1}
      aria-valuenow={range.last}
      aria-valuetext={format.period(names[range.first] ?? '', names[range.last] ?? '', lang.value)}
      onPointerDown={down}
      onPointerMove={moved}
      onPointerUp={up}
      onPointerCancel={up}
      onFocus={focused}
      onBlur={reachNothing}
      onKeyDown={key}
    >
      {wider.map((span) => (
        <Span key={`${span.from}${span.to}`} span={span} names={names} top={top} />
      ))}
      {months.map((m, i) => (
        <Month key={m.month} month={m} wider={wider} top={top} on={i >= range.first && i <= range.last} />
      ))}
      <span
        class="brush"
        style={{ left: `${(range.first / count) * 100}%`, width: `${((range.last - range.first + 1) / count) * 100}%` }}
      />
    </div>
  );
}

/** Near an edge of the range the other edge stays: the range is resized and not drawn anew. */
function anchorFor(x: number, track: HTMLElement | null, range: Range, count: number): number | null {
  const box = track?.getBoundingClientRect();
  if (box === undefined || range.last - range.first === count - 1) return null;
  const left = box.left + (range.first / count) * box.width;
  const right = box.left + ((range.last + 1) / count) * box.width;
  if (Math.abs(x - right) <= edgePx) return range.first;
  return Math.abs(x - left) <= edgePx ? range.last : null;
}

/** The part of a band's bar that is sure: up to its lower end. */
const sure = (n: number, to = n): string => `${to === 0 ? 0 : Math.round((n / to) * 100)}%`;

/** Months from the first to the last of a span. */
const lengthOf = ({ from, to }: Wider): number => monthsBetween(from, to).length;

/** What a month has of a span that is told as a whole, when it is spread evenly; of an open band, as it begins. */
const perMonth = (span: Wider): number => (span.value.to ?? span.value.n ?? 0) / lengthOf(span);

const words = (value: Value): string => format.value(value, '', t.value, lang.value, smallest.value);

/** A light bar behind the months of what is told for all of them together only. */
function Span({ span, names, top }: { span: Wider; names: string[]; top: number }) {
  const { first, last } = rangeOf(names, span.from, span.to);
  const style = {
    left: `${(first / names.length) * 100}%`,
    width: `${((last - first + 1) / names.length) * 100}%`,
    height: `${Math.max(4, (perMonth(span) / top) * 100)}%`,
  };
  return <i class={lengthOf(span) > 3 ? 'span span-year' : 'span'} style={style} />;
}

function Month({ month, wider, top, on }: { month: Months[number]; wider: Wider[]; top: number; on: boolean }) {
  const { state, n = 0, to } = month.value;
  const around = wider
    .filter((span) => span.from <= month.month && month.month <= span.to)
    .map((span) =>
      t.value.period.wider(format.span(span.from, span.to, t.value, lang.value), words(span.value), lengthOf(span)),
    );
  const text = [`${format.month(month.month, lang.value)}: ${words(month.value)}`, ...around].join('\n');
  const share = (count: number) => `${Math.max(6, (count / top) * 100)}%`;
  const style =
    state === 'number'
      ? { height: share(n) }
      : state === 'band'
        ? { height: share(to ?? n), '--sure': sure(n, to) }
        : {};
  return (
    <span class={on ? 'month on' : 'month'} title={text}>
      <i class={`bar bar-${state}`} style={style} />
    </span>
  );
}

function Years({ names, choose }: { names: string[]; choose: (range: Range) => void }) {
  const years = [...new Set(names.map((m) => m.slice(0, 4)))];
  return (
    <div class="years">
      {years.map((year) => (
        <button
          key={year}
          type="button"
          style={{ flexGrow: names.filter((m) => m.startsWith(year)).length }}
          aria-label={t.value.period.year(year)}
          onClick={() => choose(yearRange(names, year))}
        >
          {names.filter((m) => m.startsWith(year)).length < 4 ? '' : year}
        </button>
      ))}
    </div>
  );
}

/** Chips that filter the casework by kind; none pressed means all. */
function Kinds() {
  const { kinds } = address.value;
  const words = t.value.period;
  return (
    <div class="chips" role="group" aria-label={words.kinds}>
      <button type="button" class="chip" aria-pressed={kinds.length === 0} onClick={() => change({ kinds: [] })}>
        {words.allKinds}
      </button>
      {meta.value?.case_kinds.map((kind) => (
        <button
          key={kind.id}
          type="button"
          class="chip"
          aria-pressed={kinds.includes(kind.id)}
          onClick={() => change({ kinds: toggle(kinds, kind.id) })}
        >
          {kind.title[lang.value]}
        </button>
      ))}
    </div>
  );
}
