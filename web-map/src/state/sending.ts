import { type Signal, useSignal } from '@preact/signals';

/** What a form sends: whether it is on its way, and what went wrong the last time. */
export interface Sending {
  busy: Signal<boolean>;
  fault: Signal<Error | null>;
  /** Does it, unless it is being done already; what it throws is the fault. */
  send(work: () => Promise<void>): Promise<void>;
}

export function useSending(): Sending {
  const busy = useSignal(false);
  const fault = useSignal<Error | null>(null);
  const send = async (work: () => Promise<void>) => {
    if (busy.value) return;
    busy.value = true;
    fault.value = null;
    try {
      await work();
    } catch (error) {
      fault.value = error as Error;
    } finally {
      busy.value = false;
    }
  };
  return { busy, fault, send };
}
