// A value: its symbol and its word, so that number, band, zero, too few, no data and not looked are never confused.
import type { Value, ValueState } from '../api/types';
import { lang, smallest, t } from '../state/app';
import * as format from '../state/format';
import { Icon } from './icon';

/** The symbol of a kind of value; the word beside it carries the meaning. */
export function ValueSymbol({ state, size = 14 }: { state: ValueState; size?: number }) {
  return (
    <span class={`value-symbol value-${state}`}>
      <Icon name={state} size={size} />
    </span>
  );
}

/** A number alone; everything else with its symbol. some: of what is too few there is at least one. */
export function ValueText({ value, unit, some = false }: { value: Value; unit: string; some?: boolean }) {
  const text = format.value(value, unit, t.value, lang.value, smallest.value, some);
  if (value.state === 'number') return <>{text}</>;
  return (
    <span class="value">
      <ValueSymbol state={value.state} />
      {text}
    </span>
  );
}
