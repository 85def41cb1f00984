// Text fields with their label, hint and fault.
import { useSignal } from '@preact/signals';
import { useId } from 'preact/hooks';
import { t } from '../state/app';
import { IconButton } from './controls';

interface Field {
  label: string;
  value: string;
  onInput: (text: string) => void;
  hint?: string | undefined;
  fault?: string | null | undefined;
  required?: boolean;
  autocomplete?: string;
  placeholder?: string;
  maxLength?: number;
}

const described = (id: string, { hint, fault }: Field): string | undefined =>
  hint || fault ? `${id}-hint` : undefined;

function Hint({ id, field }: { id: string; field: Field }) {
  const text = field.fault || field.hint;
  if (!text) return null;
  return (
    <small id={`${id}-hint`} class={field.fault ? 'bad' : ''}>
      {text}
    </small>
  );
}

// The types of Preact hold one set of attributes for each type of input; those used here are the same for all.

/** A line of text, a number, or a day. */
export function TextField(props: Field & { type?: 'text' | 'search' | 'number' | 'date'; min?: number; max?: number }) {
  const id = useId();
  const { label, value, onInput, required, autocomplete, placeholder, maxLength, type = 'text', min, max } = props;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type={type as 'text'}
        value={value}
        required={required}
        autocomplete={autocomplete ?? 'off'}
        autocapitalize="none"
        spellcheck={false}
        placeholder={placeholder}
        maxLength={maxLength ?? 200}
        min={min}
        max={max}
        aria-invalid={Boolean(props.fault)}
        aria-describedby={described(id, props)}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
      <Hint id={id} field={props} />
    </div>
  );
}

/** A password, which can be shown. */
export function PasswordField(props: Field) {
  const id = useId();
  const shown = useSignal(false);
  const words = t.value.signIn;
  const { label, value, onInput, required, autocomplete } = props;
  return (
    <div class="field password">
      <label for={id}>{label}</label>
      <span>
        <input
          id={id}
          type={(shown.value ? 'text' : 'password') as 'text'}
          value={value}
          required={required}
          autocomplete={autocomplete}
          autocapitalize="none"
          spellcheck={false}
          maxLength={256}
          aria-invalid={Boolean(props.fault)}
          aria-describedby={described(id, props)}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
        <IconButton
          icon={shown.value ? 'hide' : 'show'}
          label={shown.value ? words.hide : words.show}
          onClick={() => {
            shown.value = !shown.value;
          }}
        />
      </span>
      <Hint id={id} field={props} />
    </div>
  );
}
