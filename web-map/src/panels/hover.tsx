// The preview under the pointer.
import { signal } from '@preact/signals';
import type { ValueState } from '../api/types';
import type { Hover } from '../map/district-map';
import { cellKm2 } from '../map/h3';
import { mapped, unitAt } from '../state/analysis';
import { approximate, entryTitle, figure } from '../state/analysis-table';
import { groundOnly, indicator, lang, legend, meta, t } from '../state/app';
import * as format from '../state/format';
import { heatOf } from '../state/heat';
import { latest } from '../state/resource';
import { CellSymbol, named, StateSymbol } from './finding';
import { ValueText } from './value';

export const hovered = signal<Hover | null>(null);

const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

export function HoverPreview() {
  const hover = hovered.value;
  if (hover === null) return null;
  const { layer, properties: p } = hover;
  const heat = heatOf(hover.hexagons);
  if (layer === 'hexagons' && heat === null) return null;
  const flip = hover.x > innerWidth - 260;
  const style = { left: `${hover.x}px`, top: `${hover.y}px` };
  const cell = layer === 'findings' ? text(p.cell) : '';
  return (
    <div class={flip ? 'preview card flip' : 'preview card'} style={style} aria-hidden="true">
      {layer === 'findings' && cell === '' && <FindingLine p={p} />}
      {cell !== '' && <CellLine p={p} cell={cell} />}
      {layer !== 'findings' && layer !== 'hexagons' && <UnitLines p={p} />}
      {heat && (
        <span class="preview-value">
          {t.value.layers.heat} <b>{<ValueText value={heat.value} unit="" />}</b>{' '}
          <small>({format.measure(heat.areaKm2, 'km²', lang.value)})</small>
        </span>
      )}
    </div>
  );
}

/** A cell in which there are findings: how many, when that may be told. */
function CellLine({ p, cell }: { p: Record<string, unknown>; cell: string }) {
  const { findings: n, findings_to: to } = p;
  const told = typeof n === 'number';
  const value = told ? ({ state: 'band', n, ...(typeof to === 'number' && { to }) } as const) : suppressed;
  const areaKm2 = cellKm2(cell);
  const area = areaKm2 === undefined ? '' : format.measure(areaKm2, 'km²', lang.value);
  const state = text(p.state);
  return (
    <>
      <strong>{t.value.finding.inCell(area)}</strong>
      <span class="preview-value">
        <b>
          <ValueText value={value} unit="" some />
        </b>
      </span>
      <span class="preview-state">
        <CellSymbol state={state} size={14} />
        {t.value.finding.urgent(named(meta.value?.finding_states, state))}
      </span>
    </>
  );
}

const suppressed = { state: 'suppressed' } as const;

function FindingLine({ p }: { p: Record<string, unknown> }) {
  const state = text(p.state);
  return (
    <>
      <strong>{named(meta.value?.finding_kinds, text(p.kind))}</strong>
      <span class="preview-state">
        <StateSymbol state={state} size={14} />
        {named(meta.value?.finding_states, state)} · {text(p.seen)}
      </span>
    </>
  );
}

function UnitLines({ p }: { p: Record<string, unknown> }) {
  const shown = indicator.value;
  const name = text(p.name) || t.value.here.cellNamed(text(p.id));
  return (
    <>
      <strong>{name}</strong>
      {text(p.town) && <span class="preview-town">{text(p.town)}</span>}
      {mapped.value !== null && <AnalysedLine code={text(p.code) || text(p.id)} />}
      {shown && mapped.value === null && !groundOnly.value && (
        <span class="preview-value">
          {shown.title[lang.value]}{' '}
          <b>
            {shown.kind === 'category' ? (
              category(text(p[shown.id]))
            ) : (
              <ValueText
                value={format.valueFrom(p, shown.id, reading())}
                unit={shown.unit}
                some={shown.id.startsWith('findings_')}
              />
            )}
          </b>
        </span>
      )}
    </>
  );
}

/** What the analysis that is shown says of a unit. */
function AnalysedLine({ code }: { code: string }) {
  const result = mapped.value;
  const unit = result?.units[unitAt.value.get(code) ?? -1];
  const [column] = result?.columns ?? [];
  const entry = result?.legend.find(({ id }) => id === unit?.class);
  if (result === null || unit === undefined) return null;
  return (
    <span class="preview-value">
      {entry && entryTitle(entry, column, lang.value)}{' '}
      {column && (
        <b>
          {column.title[lang.value]} {approximate(unit, column, unit.values[0]) && '≈ '}
          {figure(unit.values[0], column.unit, column.decimals, lang.value)}
        </b>
      )}
    </span>
  );
}

/** Findings are bands where not all may be counted; why a value is missing is in the legend, once for all units. */
function reading(): format.Reading {
  const why = latest(legend.loaded.value)?.special.find(({ state }) => state !== 'zero' && state !== 'band');
  const exact = ['command', 'field'].includes(meta.value?.class ?? '');
  return { bands: exact ? [] : (meta.value?.bands ?? []), missing: (why?.state ?? 'nodata') as ValueState };
}

const category = (id: string): string => (id === '' ? t.value.states.nodata : named(meta.value?.statuses, id));
