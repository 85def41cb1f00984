// A question that comes before anything else: a modal dialog.
import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { t } from '../state/app';
import { useSending } from '../state/sending';
import { Failure } from './controls';

/** The browser's own modal dialog: it keeps the focus inside, and gives it back. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren }) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} class="dialog card" aria-labelledby={id} onClose={props.onClose}>
      <h2 id={id}>{props.title}</h2>
      {props.children}
    </dialog>
  );
}

interface Question {
  title: string;
  text: string;
  action: string;
  run: () => Promise<unknown>;
}

const question = signal<Question | null>(null);

/** Asks before something that cannot simply be taken back; a fault is shown in the dialog. */
export function ask(asked: Question): void {
  question.value = asked;
}

export function Confirm() {
  const asked = question.value;
  return asked && <Asked key={asked.title} question={asked} />;
}

function Asked({ question: asked }: { question: Question }) {
  const { busy, fault, send: sendOnce } = useSending();
  const close = () => {
    question.value = null;
  };
  const run = async () => {
    await sendOnce(async () => {
      await asked.run();
      close();
    });
  };
  return (
    <Dialog title={asked.title} onClose={close}>
      <p>{asked.text}</p>
      {fault.value && <Failure error={fault.value} />}
      <div class="actions">
        <button type="button" class="button primary danger" disabled={busy.value} onClick={() => void run()}>
          {asked.action}
        </button>
        <button type="button" class="button" onClick={close}>
          {t.value.confirm.cancel}
        </button>
      </div>
    </Dialog>
  );
}
