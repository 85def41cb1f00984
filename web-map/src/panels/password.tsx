// Changing one's own password: what it needs is said before.
import { useSignal } from '@preact/signals';
import { spoken, t, toast } from '../state/app';
import { changePassword, me, minPassword, passwordFault } from '../state/session';
import { Failure } from './controls';
import { PasswordField } from './fields';

export function PasswordForm({ then }: { then?: () => void }) {
  const words = t.value.password;
  const name = me.value?.account.name ?? '';
  const [old, next, again] = [useSignal(''), useSignal(''), useSignal('')];
  const [tried, busy] = [useSignal(false), useSignal(false)];
  const error = useSignal<Error | null>(null);
  const wrong = passwordFault(name, old.value, next.value, again.value);
  const said = tried.value && wrong !== null ? words.faults[wrong](minPassword) : null;
  const send = async () => {
    tried.value = true;
    if (wrong !== null || busy.value) return;
    busy.value = true;
    error.value = null;
    try {
      await changePassword(old.value, next.value);
      spoken.value = words.changed;
      toast.value = { text: words.changed };
      then?.();
    } catch (cause) {
      error.value = cause as Error;
    } finally {
      busy.value = false;
    }
  };
  return (
    <form
      class="password-form"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <div class="rules">
        <p class="label">{words.rulesTitle}</p>
        <ul>
          {words.rules(minPassword).map((rule) => (
            <li key={rule}>{rule}</li>
          ))}
        </ul>
      </div>
      <input
        class="hidden"
        type="text"
        autocomplete="username"
        value={name}
        readOnly
        tabIndex={-1}
        aria-hidden="true"
      />
      <PasswordField
        label={words.old}
        value={old.value}
        required
        autocomplete="current-password"
        onInput={(text) => {
          old.value = text;
        }}
      />
      <PasswordField
        label={words.next}
        value={next.value}
        required
        autocomplete="new-password"
        fault={wrong === 'differs' ? null : said}
        onInput={(text) => {
          next.value = text;
        }}
      />
      <PasswordField
        label={words.again}
        value={again.value}
        required
        autocomplete="new-password"
        fault={wrong === 'differs' ? said : null}
        onInput={(text) => {
          again.value = text;
        }}
      />
      {error.value && <Failure error={error.value} />}
      <div class="actions">
        <button type="submit" class="button primary" disabled={busy.value}>
          {busy.value ? words.submitting : words.submit}
        </button>
      </div>
    </form>
  );
}
