// The draft that the mark panel and the map both work on.
import { signal } from '@preact/signals';
import { meta } from './app';
import { type Draft, newDraft } from './draft';
import { uuid } from './uuid';

export const draft = signal<Draft | null>(null);

/** Changes the draft by a pure step; nothing happens without one. */
export function step(next: (draft: Draft) => Draft): void {
  if (draft.value !== null) draft.value = next(draft.value);
}

/** Starts a draft, unless one is waiting to be sent. */
export function startDraft(): void {
  if (draft.value !== null) return;
  const kind = meta.value?.finding_kinds[0]?.id ?? 'unknown';
  const source =
    meta.value?.finding_sources.find((s) => s.id === 'foot')?.id ?? meta.value?.finding_sources[0]?.id ?? 'foot';
  draft.value = newDraft(uuid(), kind, source, new Date());
}
