// Search by name, code or "lon,lat": a combobox (WAI-ARIA 1.2) over the server's answers.
import { signal } from '@preact/signals';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { Hit } from '../api/types';
import * as api from '../api/wangge';
import { change, sentence, spoken, t } from '../state/app';
import { flyToHit } from '../state/commands';
import { Icon } from './icon';

const text = signal('');
const hits = signal<Hit[] | null>(null); // null: nothing asked yet
const fault = signal<Error | null>(null);
const active = signal(0);
const open = signal(false);

const debounceMs = 180;

/** Asks after a pause in typing; an older answer never replaces a newer one. */
function useAnswers(): void {
  const wanted = text.value.trim();
  useEffect(() => {
    if (wanted === '') {
      hits.value = null;
      return undefined;
    }
    const abort = new AbortController();
    const timer = setTimeout(() => answer(wanted, abort.signal), debounceMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [wanted]);
}

async function answer(wanted: string, signal: AbortSignal): Promise<void> {
  try {
    const found = await api.search(wanted, signal);
    fault.value = null;
    hits.value = found.hits;
    active.value = 0;
    spoken.value = t.value.search.found(found.hits.length);
  } catch (error) {
    if (!signal.aborted) fault.value = error as Error;
  }
}

function choose(hit: Hit): void {
  open.value = false;
  text.value = hit.name;
  if (hit.level === 'finding') change({ selection: { type: 'finding', id: hit.code }, panel: null });
  else if (hit.level === 'point') change({ selection: { type: 'point', lon: hit.lon, lat: hit.lat }, panel: null });
  else change({ selection: { type: 'area', level: `${hit.level}s`, code: hit.code }, panel: null });
  flyToHit(hit);
}

function onKey(event: KeyboardEvent, input: HTMLInputElement): void {
  const list = hits.value ?? [];
  const move = (by: number) => {
    open.value = true;
    if (list.length > 0) active.value = (active.value + by + list.length) % list.length;
    event.preventDefault();
  };
  if (event.key === 'ArrowDown') move(1);
  else if (event.key === 'ArrowUp') move(-1);
  else if (event.key === 'Enter') {
    const hit = list[active.value];
    if (open.value && hit) choose(hit);
    event.preventDefault();
  } else if (event.key === 'Escape') {
    event.stopPropagation();
    if (open.value && text.value !== '') open.value = false;
    else input.blur();
  }
}

export function Search() {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  useAnswers();
  const words = t.value.search;
  const shown = open.value && text.value.trim() !== '' && (hits.value !== null || fault.value !== null);
  return (
    <div class="search">
      <Icon name="search" size={18} />
      <input
        ref={input}
        id="search"
        type="text"
        role="combobox"
        autocomplete="off"
        spellcheck={false}
        aria-label={words.label}
        aria-keyshortcuts="/"
        aria-expanded={shown}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={shown && hits.value?.length ? `${id}-${active.value}` : undefined}
        placeholder={words.placeholder}
        value={text.value}
        onInput={(event) => {
          text.value = event.currentTarget.value;
          open.value = true;
        }}
        onFocus={() => {
          open.value = true;
        }}
        onBlur={() => {
          open.value = false;
        }}
        onKeyDown={(event) => onKey(event, event.currentTarget)}
      />
      <kbd>/</kbd>
      {shown && <Answers id={id} />}
    </div>
  );
}

function Answers({ id }: { id: string }) {
  const words = t.value.search;
  const list = hits.value ?? [];
  if (fault.value !== null) return <p class="answers card nothing">{sentence(fault.value)}</p>;
  if (list.length === 0) return <p class="answers card nothing">{words.nothing}</p>;
  return (
    <div class="answers card" role="listbox" id={`${id}-list`} aria-label={words.results}>
      {list.map((hit, i) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard works in the input above (aria-activedescendant)
        <div
          key={`${hit.level}:${hit.code}`}
          id={`${id}-${i}`}
          role="option"
          tabIndex={-1}
          aria-selected={i === active.value}
          onPointerDown={(event) => {
            event.preventDefault(); // keeps the focus in the input until the click is through
          }}
          onClick={() => choose(hit)}
        >
          <span class="answer-name">{hit.name}</span>
          <span class="answer-level">{words.levels[hit.level]}</span>
          <span class="answer-detail">{hit.detail}</span>
        </div>
      ))}
    </div>
  );
}
