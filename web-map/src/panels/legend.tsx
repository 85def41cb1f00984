// What is coloured, how, and what the colours mean. A click on an entry filters the map to it.
import { signal } from '@preact/signals';
import { useId } from 'preact/hooks';
import type { Legend, LegendClass, LegendSpecial, Level } from '../api/types';
import { levels, maxClasses, methods, minClasses } from '../state/address';
import { mapped } from '../state/analysis';
import {
  address,
  change,
  groundOnly,
  heatLegend,
  indicator,
  indicators,
  lang,
  legend,
  smallest,
  t,
} from '../state/app';
import * as format from '../state/format';
import { askHeatAgain, heat } from '../state/heat';
import { toggle } from '../state/pick';
import { latest } from '../state/resource';
import { AnalysisCard } from './analysis-card';
import { Failure, Loading, Segmented, Select } from './controls';
import { ExportButton } from './export';
import { Swatch } from './swatch';
import { ValueSymbol } from './value';

/** Level, indicator and legend: the left card on a desktop, a sheet on a phone. */
export function LegendBody() {
  const { level } = address.value;
  if (mapped.value !== null) {
    return (
      <div class="legend">
        <AnalysisCard />
        {address.value.show.includes('heat') && <HeatLegend />}
      </div>
    );
  }
  return (
    <div class="legend">
      <Segmented<Level>
        label={t.value.legend.level}
        value={level}
        choices={levels.map((value) => ({ value, label: t.value.levels[value] }))}
        onChange={(value) => change({ level: value, picks: [] })}
      />
      {groundOnly.value && <p class="hint">{t.value.legend.ground}</p>}
      {level !== 'none' && !groundOnly.value && (
        <>
          <Coloured />
          <ExportButton table={level} />
        </>
      )}
      {address.value.show.includes('heat') && !groundOnly.value && <HeatLegend />}
    </div>
  );
}

function Coloured() {
  const loaded = legend.loaded.value;
  const shown = latest(loaded);
  return (
    <>
      <Select
        label={t.value.legend.indicator}
        value={indicator.value?.id ?? ''}
        choices={indicators.value.map((i) => ({ value: i.id, label: i.title[lang.value] }))}
        onChange={(id) => change({ indicator: id, picks: [] })}
      />
      {loaded.state === 'failed' && <Failure error={loaded.error} retry={legend.reload} />}
      {shown === undefined && loaded.state === 'loading' && <Loading />}
      {shown && <Entries legend={shown} />}
      {indicator.value?.kind === 'number' && <Classing />}
    </>
  );
}

function Entries({ legend: shown }: { legend: Legend }) {
  const { picks } = address.value;
  const pick = (key: string) => change({ picks: toggle(picks, key) });
  const unit = shown.unit === '' ? '' : ` (${shown.unit})`;
  const total = [...shown.classes, ...shown.special].reduce((sum, entry) => sum + entry.count, 0);
  if (total === 0) return <p class="nothing">{t.value.legend.nothing}</p>;
  return (
    <div role="group" aria-label={t.value.legend.entries(shown.title)}>
      <p class="legend-head">
        <span>{`${shown.title}${unit}`}</span>
        <span>{t.value.legend.count}</span>
      </p>
      <ul class="entries">
        {shown.classes.map((entry, i) => (
          <Entry
            key={entry.label}
            entry={entry}
            on={picks.includes(String(i))}
            any={picks.length > 0}
            pick={() => pick(String(i))}
          />
        ))}
        {shown.special.map((entry) => (
          <Entry
            key={entry.state}
            entry={entry}
            on={picks.includes(entry.state)}
            any={picks.length > 0}
            pick={() => pick(entry.state)}
          />
        ))}
      </ul>
      {picks.length > 0 && (
        <button type="button" class="link" onClick={() => change({ picks: [] })}>
          {t.value.legend.showAll}
        </button>
      )}
    </div>
  );
}

function Entry(props: { entry: LegendClass | LegendSpecial; on: boolean; any: boolean; pick: () => void }) {
  const { entry, on, any } = props;
  const pattern = 'pattern' in entry ? entry.pattern : undefined;
  return (
    <li>
      <button type="button" class={any && !on ? 'entry dimmed' : 'entry'} aria-pressed={on} onClick={props.pick}>
        <Swatch color={entry.color} pattern={pattern} />
        <span class="entry-label">
          {'state' in entry && <ValueSymbol state={entry.state} />}
          {entry.label}
        </span>
        <span class="entry-count">{format.number(entry.count, lang.value)}</span>
      </button>
    </li>
  );
}

const classCounts = Array.from({ length: maxClasses - minClasses + 1 }, (_, i) => String(minClasses + i));

/** The class method, folded away until it is wanted. */
function Classing() {
  const { method, classes } = address.value;
  const words = t.value.legend;
  return (
    <details class="fold">
      <summary>{words.classing}</summary>
      <div class="row">
        <Select
          label={words.method}
          value={method}
          choices={methods.map((value) => ({ value, label: words.methods[value] }))}
          onChange={(value) => change({ method: value, picks: [] })}
        />
        {method !== 'manual' && (
          <Select
            label={words.classes}
            value={String(classes)}
            choices={classCounts.map((value) => ({ value, label: value }))}
            onChange={(value) => change({ classes: Number(value), picks: [] })}
          />
        )}
      </div>
      {method === 'manual' && <Breaks />}
    </details>
  );
}

const breaksFault = signal(false);

/** The inner breaks of the manual method; shares are typed in percent. */
function Breaks() {
  const id = useId();
  const scale = indicator.value?.unit === '%' ? 100 : 1;
  const apply = (text: string) => {
    const numbers = text
      .split(/[,，;\s]+/)
      .filter(Boolean)
      .map(Number);
    const sorted = [...new Set(numbers)].sort((a, b) => a - b);
    const legal = sorted.length > 0 && sorted.length < maxClasses && sorted.every((n) => n > 0);
    breaksFault.value = !legal;
    if (legal) change({ breaks: sorted.map((n) => n / scale), picks: [] });
  };
  return (
    <div class="field">
      <label for={id}>{t.value.legend.breaks}</label>
      <input
        id={id}
        type="text"
        inputMode="decimal"
        placeholder="10, 20, 40"
        aria-invalid={breaksFault.value}
        aria-describedby={`${id}-hint`}
        value={address.value.breaks.map((n) => n * scale).join(', ')}
        onChange={(event) => apply(event.currentTarget.value)}
      />
      <small id={`${id}-hint`} class={breaksFault.value ? 'bad' : ''}>
        {t.value.legend.breaksHint(maxClasses - 1)}
      </small>
    </div>
  );
}

/** The classes of the heat layer, which follow the period and the kinds. */
function HeatLegend() {
  const loaded = heatLegend.loaded.value;
  const shown = latest(loaded);
  const words = t.value.legend;
  return (
    <section class="heat-legend" aria-label={words.heat}>
      <p class="legend-head">
        <span>{words.heat}</span>
      </p>
      {loaded.state === 'failed' && <Failure error={loaded.error} retry={heatLegend.reload} />}
      {heat.fault.value && <Failure error={heat.fault.value} retry={askHeatAgain} />}
      {shown?.classes.length === 0 && <p class="nothing">{words.nothing}</p>}
      <ol class="heat-ramp">
        {shown?.classes.map((c) => (
          <li key={c.label}>
            <i style={{ background: c.color }} />
            {c.label.split('–')[0]}
          </li>
        ))}
      </ol>
      <p class="hint">{words.heatHint(smallest.value)}</p>
    </section>
  );
}
