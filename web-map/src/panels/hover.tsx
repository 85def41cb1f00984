// The preview under the pointer.
import { signal } from '@preact/signals';
import type { Hover } from '../map/district-map';
import { indicator, lang, meta, t } from '../state/app';
import * as format from '../state/format';
import { named, StateSymbol } from './finding';

export const hovered = signal<Hover | null>(null);

const text = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

export function HoverPreview() {
  const hover = hovered.value;
  if (hover === null) return null;
  const flip = hover.x > innerWidth - 260;
  const style = { left: `${hover.x}px`, top: `${hover.y}px` };
  return (
    <div class={flip ? 'preview card flip' : 'preview card'} style={style} aria-hidden="true">
      {hover.layer === 'findings' ? <FindingLine p={hover.properties} /> : <UnitLines p={hover.properties} />}
    </div>
  );
}

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
      {shown && (
        <span class="preview-value">
          {shown.title[lang.value]}{' '}
          <b>{shown.kind === 'category' ? category(text(p[shown.id])) : figure(p, shown.id, shown.unit)}</b>
        </span>
      )}
    </>
  );
}

const figure = (p: Record<string, unknown>, id: string, unit: string): string =>
  format.value(format.valueFrom(p, id), unit, t.value, lang.value, meta.value?.k ?? 3);

const category = (id: string): string => (id === '' ? t.value.states.nodata : named(meta.value?.statuses, id));
