// Keeps the page in step with the store: what changed is asked again, and nothing else.
import { follow, following } from '../api/events';
import type { Meta, Touched, Versions } from '../api/types';
import { loadMeta, meta, revision } from './app';
import { map } from './commands';
import { askHeatAgain } from './heat';
import { pace } from './pace';

type Served = Pick<Meta, 'generation' | 'layers'>;

const sumOf = (subjects: readonly string[], { layers }: Versions): number =>
  subjects.reduce((sum, subject) => sum + (layers[subject] ?? 0), 0);

/**
 * The layers that are older than the versions heard. A layer's version is the sum over the subjects it is made of;
 * in another generation (after a restore) versions may repeat, so every layer is old.
 */
export function outdated(served: Served, heard: Versions): string[] {
  const old = (layer: Meta['layers'][number]) =>
    served.generation !== heard.generation || layer.version !== sumOf(layer.subjects, heard);
  return served.layers.filter(old).map((layer) => layer.id);
}

/** The layers as of versions heard before. */
const asOf = (heard: Versions, { layers }: Served): Served => ({
  generation: heard.generation,
  layers: layers.map((layer) => ({ ...layer, version: sumOf(layer.subjects, heard) })),
});

const panelMs = 500;

// What is not a tile is asked again twice a second under a storm of changes, and once more when it is over.
const renewPanels = pace(() => {
  revision.value += 1;
  void loadMeta();
}, panelMs);
const renewHeat = pace(askHeatAgain, panelMs);

function renew(touched: readonly Touched[]): void {
  if (touched.length === 0) return;
  map.peek()?.refresh(touched);
  renewPanels();
  if (touched.some(({ layer }) => layer === 'heat' || layer === 'hexagons')) renewHeat();
}

/** Asks again for everything, anywhere: nobody knows what changed. */
export const renewAll = (): void => renew(meta.peek()?.layers.map(({ id }) => ({ layer: id })) ?? []);

/** After a change of our own: asks again for those layers, unless the stream of changes is open and will say more. */
export function refreshAfterWrite(layers: readonly string[]): void {
  if (!following.value) renew(layers.map((layer) => ({ layer })));
}

/** Follows the server until the returned function is called. */
export function followServer(): () => void {
  let last: Versions | null = null;
  const anywhere = (heard: Versions): Touched[] => {
    const served = meta.peek();
    if (served === null) return []; // nothing is drawn yet
    return outdated(last === null ? served : asOf(last, served), heard).map((layer) => ({ layer }));
  };
  return follow({
    versions(heard) {
      const touched = anywhere(heard);
      last = heard;
      renew(touched);
    },
    change(heard) {
      const restored = last !== null && last.generation !== heard.generation;
      const touched = restored ? anywhere(heard) : heard.changed;
      last = heard;
      renew(touched);
    },
  });
}
