import { signal } from '@preact/signals';
import { reachable } from './http';
import type { Change, Trouble, Versions } from './types';

/** True while the server's event stream is open: what changes is then heard. */
export const following = signal(false);

/** What keeps the server from following its database; null while nothing does. */
export const trouble = signal<Trouble | null>(null);

export interface Ears {
  /** The versions of everything: the stream is new, and changes before it were not heard. */
  versions(versions: Versions): void;
  /** What changed since the last event. */
  change(change: Change): void;
}

const reopenMs = 4000;

/**
 * Listens to the server. A lost stream is resumed by EventSource itself, which tells the server what it heard last; one
 * that the server refused is opened anew. Returns the function that stops it.
 */
export function follow(ears: Ears): () => void {
  const source = new EventSource('/api/events');
  let stop = () => source.close();
  source.addEventListener('versions', (event) => ears.versions(JSON.parse(event.data) as Versions));
  source.addEventListener('change', (event) => ears.change(JSON.parse(event.data) as Change));
  source.addEventListener('problem', (event) => {
    const said = JSON.parse(event.data) as Partial<Trouble>;
    trouble.value = said.since === undefined ? null : { since: said.since, detail: said.detail ?? '' };
  });
  source.addEventListener('open', () => {
    reachable.value = following.value = true;
    trouble.value = null; // said again if it still holds
  });
  source.addEventListener('error', () => {
    following.value = false;
    if (source.readyState !== EventSource.CLOSED) return;
    const timer = setTimeout(() => {
      stop = follow(ears);
    }, reopenMs);
    stop = () => clearTimeout(timer);
  });
  return () => stop();
}
