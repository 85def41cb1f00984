import { reachable } from './http';
import type { Versions } from './types';

/** Listens to the versions of the layers; EventSource reconnects by itself. Returns the function that stops it. */
export function follow(onVersions: (versions: Versions) => void): () => void {
  const source = new EventSource('/api/events');
  source.addEventListener('versions', (event) => onVersions(JSON.parse(event.data) as Versions));
  source.addEventListener('open', () => {
    reachable.value = true;
  });
  return () => source.close();
}
