// Keeps the page in step with the store: what changed is asked again, and nothing else.
import { effect, untracked } from '@preact/signals';
import { follow, following } from '../api/events';
import type { Touched } from '../api/types';
import { loadMeta, meta, revision } from './app';
import { map } from './commands';
import { askHeatAgain } from './heat';
import { pace } from './pace';
import { reader, renewSession } from './session';

/** The words of the layers. */
type Words = ReadonlyMap<string, string>;

/** The layers that are not as the words heard say. */
export const outdated = (shown: Words, heard: Words): string[] =>
  [...heard].flatMap(([layer, word]) => (shown.get(layer) === word ? [] : [layer]));

/** The words of what was asked for at the start; none before there is anything. */
const served = (): Words => new Map(meta.peek()?.layers.map(({ id, revision: word }) => [id, word]));

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
  let shown: Words | null = null; // as last heard
  const ask = () => void renewSession();
  return follow({
    revisions({ layers }) {
      const heard = new Map(Object.entries(layers));
      const drawn = meta.peek() !== null;
      const old = drawn ? outdated(shown ?? served(), heard) : [];
      shown = heard;
      renew(old.map((layer) => ({ layer })));
    },
    change({ changed }) {
      renew(changed);
    },
    resumed: ask,
    refused: ask,
  });
}

/** Shows the map to whoever may read, and makes it anew when that is somebody else or may see something else. */
export function followReader(): () => void {
  return effect(() => {
    const whose = reader.value;
    meta.value = null;
    if (whose === null) return undefined;
    return untracked(() => {
      void loadMeta();
      return followServer();
    });
  });
}
