// Rows that come a page at a time, the newest first.
import { batch, type ReadonlySignal, signal } from '@preact/signals';

export interface Pages<R, Q> {
  rows: ReadonlySignal<readonly R[]>;
  loading: ReadonlySignal<boolean>;
  fault: ReadonlySignal<Error | null>;
  more: ReadonlySignal<boolean>; // there are older rows
  /** Begins anew with a question; the rows of the one before are dropped when the answer is there. */
  begin: (query: Q) => void;
  /** Asks for the next older rows. */
  older: () => void;
  /** Asks again for what failed. */
  retry: () => void;
}

/** The answer to an older question never overtakes that to a newer one. */
export function pages<R, Q>(
  ask: (query: Q, before: number | undefined, signal: AbortSignal) => Promise<{ rows: R[]; next?: number }>,
): Pages<R, Q> {
  const [rows, loading, fault] = [signal<readonly R[]>([]), signal(false), signal<Error | null>(null)];
  const more = signal(false);
  let now: { query: Q; before: number | undefined } | null = null;
  let next: number | undefined;
  let abort = new AbortController();

  const load = (query: Q, before: number | undefined) => {
    abort.abort();
    abort = new AbortController();
    const { signal: given } = abort;
    now = { query, before };
    loading.value = true;
    fault.value = null;
    const settle = (then: () => void) => {
      if (given.aborted) return;
      batch(() => {
        loading.value = false;
        then();
      });
    };
    ask(query, before, given).then(
      (found) =>
        settle(() => {
          rows.value = before === undefined ? found.rows : [...rows.value, ...found.rows];
          next = found.next || undefined;
          more.value = next !== undefined;
        }),
      (error: Error) =>
        settle(() => {
          fault.value = error;
        }),
    );
  };
  return {
    rows,
    loading,
    fault,
    more,
    begin: (query) => load(query, undefined),
    older: () => {
      if (now !== null && next !== undefined && !loading.peek()) load(now.query, next);
    },
    retry: () => {
      if (now !== null) load(now.query, now.before);
    },
  };
}
