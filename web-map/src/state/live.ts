// Keeps the page in step with the store: the layers that grew are asked again, and no others.
import { follow, following } from '../api/events';
import type { Meta, Versions } from '../api/types';
import { loadMeta, meta, revision } from './app';
import { map } from './commands';

/**
 * The layers that are older than the versions heard. A layer's version is the sum over the subjects it is made of;
 * in another generation (after a restore) versions may repeat, so every layer is old.
 */
export function outdated(served: Pick<Meta, 'generation' | 'layers'>, heard: Versions): string[] {
  const sum = (subjects: readonly string[]) => subjects.reduce((all, s) => all + (heard.layers[s] ?? 0), 0);
  const old = (layer: Meta['layers'][number]) =>
    served.generation !== heard.generation || layer.version !== sum(layer.subjects);
  return served.layers.filter(old).map((layer) => layer.id);
}

/** After a change of our own: asks again for those layers, unless the stream of versions is open and will say so. */
export function refreshAfterWrite(layers: readonly string[]): void {
  if (following.value) return;
  revision.value += 1;
  map.value?.refresh(layers);
}

/** Follows the server's versions until the returned function is called. */
export function followVersions(): () => void {
  return follow((heard) => {
    const layers = meta.value === null ? [] : outdated(meta.value, heard);
    if (layers.length === 0) return;
    revision.value += 1;
    map.value?.refresh(layers);
    void loadMeta(); // holds the versions to compare the next ones with
  });
}
