import { effect, type ReadonlySignal, signal } from '@preact/signals';

/** What is known of something the server is asked for. "stale" is the last answer, kept while a new one is awaited. */
export type Loaded<T> =
  | { state: 'empty' }
  | { state: 'loading'; stale?: T | undefined }
  | { state: 'ready'; value: T }
  | { state: 'failed'; error: Error; stale?: T | undefined };

export interface Resource<T> {
  loaded: ReadonlySignal<Loaded<T>>;
  reload: () => void;
}

/** The answer if there is one, also one that is being renewed. */
export function latest<T>(loaded: Loaded<T>): T | undefined {
  if (loaded.state === 'ready') return loaded.value;
  return loaded.state === 'empty' ? undefined : loaded.stale;
}

/**
 * Follows a key: whenever key() changes, asks with load and gives up the question before. A null key means nothing
 * is wanted. The answer to an older key never overtakes that of a newer one.
 */
export function resource<T>(
  key: () => string | null,
  load: (key: string, signal: AbortSignal) => Promise<T>,
): Resource<T> {
  const loaded = signal<Loaded<T>>({ state: 'empty' });
  const round = signal(0);
  effect(() => {
    round.value; // a reload asks the same key again
    const wanted = key();
    const stale = latest(loaded.peek());
    if (wanted === null) {
      loaded.value = { state: 'empty' };
      return;
    }
    const abort = new AbortController();
    loaded.value = { state: 'loading', stale };
    load(wanted, abort.signal).then(
      (value) => {
        if (!abort.signal.aborted) loaded.value = { state: 'ready', value };
      },
      (error: Error) => {
        if (!abort.signal.aborted) loaded.value = { state: 'failed', error, stale };
      },
    );
    return () => abort.abort();
  });
  return { loaded, reload: () => (round.value = round.peek() + 1) };
}
