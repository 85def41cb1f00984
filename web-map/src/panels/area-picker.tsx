// Choosing an area: its level, then the unit by name or code.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Hit, RoleRules, Scope, ScopeLevel } from '../api/types';
import * as api from '../api/wangge';
import { sentence, t } from '../state/app';
import { Select } from './controls';
import { TextField } from './fields';

const hitLevels: Partial<Record<ScopeLevel, Hit['level']>> = { towns: 'town', villages: 'village', grids: 'grid' };
const debounceMs = 180;
const mostHits = 8;

/** The name of an area for the reader. */
export const areaName = ({ level, code, name }: Scope): string =>
  level === 'district' ? t.value.account.district : name || code;

/** The chosen area where the role can have it; else none of the role's first level. */
export const areaFor = (role: RoleRules, scope: Scope): Scope =>
  role.levels.includes(scope.level) ? scope : { level: role.levels[0] ?? 'district', code: '' };

export function AreaPicker(props: { levels: readonly ScopeLevel[]; value: Scope; onChange: (scope: Scope) => void }) {
  const { levels, value, onChange } = props;
  const words = t.value.area;
  return (
    <div class="area-picker">
      <Select<ScopeLevel>
        label={words.level}
        value={value.level}
        choices={levels.map((level) => ({ value: level, label: words.levels[level] }))}
        onChange={(level) => onChange({ level, code: '' })}
      />
      {value.level !== 'district' && value.code === '' && (
        <Finder key={value.level} level={value.level} onChange={onChange} />
      )}
      {value.level !== 'district' && value.code !== '' && (
        <p class="chosen">
          <span>{words.chosen(areaName(value))}</span>
          <button type="button" class="link" onClick={() => onChange({ level: value.level, code: '' })}>
            {words.change}
          </button>
        </p>
      )}
    </div>
  );
}

/** Looks for units of a level while a name is typed. */
function Finder({ level, onChange }: { level: ScopeLevel; onChange: (scope: Scope) => void }) {
  const words = t.value.area;
  const text = useSignal('');
  const hits = useSignal<Hit[] | null>(null);
  const fault = useSignal<Error | null>(null);
  const wanted = text.value.trim();
  useEffect(() => {
    hits.value = fault.value = null;
    if (wanted === '') return undefined;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      api.search(wanted, abort.signal).then(
        (found) => {
          if (!abort.signal.aborted) hits.value = found.hits.filter((hit) => hit.level === hitLevels[level]);
        },
        (error: Error) => {
          if (!abort.signal.aborted) fault.value = error;
        },
      );
    }, debounceMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [wanted, level]);
  const said = fault.value && sentence(fault.value);
  return (
    <>
      <TextField
        type="search"
        label={words.search(words.levels[level])}
        value={text.value}
        fault={said}
        onInput={(next) => {
          text.value = next;
        }}
      />
      {hits.value && (
        <ul class="hits" aria-live="polite">
          {hits.value.length === 0 && <li class="nothing">{words.nothing}</li>}
          {hits.value.slice(0, mostHits).map((hit) => (
            <li key={hit.code}>
              <button type="button" onClick={() => onChange({ level, code: hit.code, name: hit.name })}>
                <span>{hit.name}</span>
                <small>{hit.detail || hit.code}</small>
              </button>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
