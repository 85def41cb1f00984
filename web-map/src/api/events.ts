import { signal } from '@preact/signals';
import { reachable } from './http';
import type { Change, Revisions, Trouble } from './types';

/** True while the server's event stream is open: what changes is then heard. */
export const following = signal(false);

/** What keeps the server from following its database; null while nothing does. */
export const trouble = signal<Trouble | null>(null);

export interface Ears {
  /** Words for everything: the stream is new, and changes before it were not heard. */
  revisions(revisions: Revisions): void;
  /** What changed since the last event. */
  change(change: Change): void;
  /** The stream was lost and is back: the server also ends it when somebody's rights change. */
  resumed(): void;
  /** The server will not have us listen: nobody may be signed in any more. */
  refused(): void;
}

const reopenMs = 4000;

/**
 * Listens to the server. A lost stream is resumed by EventSource itself, which tells the server what it heard last; one
 * that the server refused is opened anew. Returns the function that stops it.
 */
export function follow(ears: Ears): () => void {
  const source = new EventSource('/api/events');
  let stop = () => source.close();
  let lost = false;
  source.addEventListener('revisions', (event) => ears.revisions(JSON.parse(event.data) as Revisions));
  source.addEventListener('change', (event) => ears.change(JSON.parse(event.data) as Change));
  source.addEventListener('problem', (event) => {
    const said = JSON.parse(event.data) as Partial<Trouble>;
    trouble.value = said.since === undefined ? null : { since: said.since, detail: said.detail ?? '' };
  });
  source.addEventListener('open', () => {
    reachable.value = following.value = true;
    trouble.value = null; // said again if it still holds
    if (lost) ears.resumed();
    lost = false;
  });
  source.addEventListener('error', () => {
    following.value = false;
    lost = true;
    if (source.readyState !== EventSource.CLOSED) return;
    ears.refused();
    const timer = setTimeout(() => {
      stop = follow(ears);
    }, reopenMs);
    stop = () => clearTimeout(timer);
  });
  return () => stop();
}
