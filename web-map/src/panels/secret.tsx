// A secret that is shown once: a token, or a password for one sign-in.

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { t } from '../state/app';
import { Icon } from './icon';

/** One line of text with a button that copies it. */
export function Copyable({ label, text }: { label: string; text: string }) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const said = useSignal('');
  const words = t.value.secret;
  const copy = async () => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(text); // not there on plain http
      said.value = words.copied;
    } catch {
      said.value = words.copyByHand;
    }
  };
  return (
    <div class="field copyable">
      <label for={id}>{label}</label>
      <span>
        <input ref={field} id={id} readOnly value={text} spellcheck={false} autocomplete="off" />
        <button type="button" class="button" onClick={() => void copy()}>
          <Icon name="copy" size={16} />
          {words.copy}
        </button>
      </span>
      <small role="status">{said.value}</small>
    </div>
  );
}

/** The secret, what has to be known of it, and the button that puts it away for good. */
export function Secret(props: {
  title: string;
  hint: string;
  lines: readonly (readonly [label: string, text: string])[];
  children?: ComponentChildren;
  onDone: () => void;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <section class="secret">
      <h3 tabIndex={-1} ref={heading}>
        {props.title}
      </h3>
      <p class="warning-text">
        <Icon name="warning" size={18} />
        {props.hint}
      </p>
      {props.lines.map(([label, text]) => (
        <Copyable key={label} label={label} text={text} />
      ))}
      {props.children}
      <div class="actions">
        <button type="button" class="button primary" onClick={props.onDone}>
          {t.value.secret.done}
        </button>
      </div>
    </section>
  );
}
