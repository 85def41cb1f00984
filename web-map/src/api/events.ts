import { signal } from '@preact/signals';
import { reachable } from './http';
import type { Versions } from './types';

/** True while the server's event stream is open: what changes is then heard. */
export const following = signal(false);

/** Listens to the versions of the layers; EventSource reconnects by itself. Returns the function that stops it. */
export function follow(onVersions: (versions: Versions) => void): () => void {
  const source = new EventSource('/api/events');
  source.addEventListener('versions', (event) => onVersions(JSON.parse(event.data) as Versions));
  source.addEventListener('open', () => {
    reachable.value = following.value = true;
  });
  source.addEventListener('error', () => {
    following.value = false;
  });
  return () => source.close();
}
