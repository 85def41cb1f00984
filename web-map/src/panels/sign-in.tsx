// The page before the map: signing in, and the password that has to be changed first.
import { signal, useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Problem, recognised } from '../api/http';
import { providerPath } from '../api/session';
import type { DemoAccount } from '../api/types';
import { lang, phone, sentence, spoken, t, toast } from '../state/app';
import { draft } from '../state/draft-store';
import * as format from '../state/format';
import {
  beginSession,
  info,
  keepChosen,
  me,
  session,
  signIn,
  signInFault,
  signInfo,
  signOut,
  wantSignInfo,
} from '../state/session';
import { Failure, Loading } from './controls';
import { PasswordField, TextField } from './fields';
import { Icon } from './icon';
import { PasswordForm } from './password';
import { PurposeSelect } from './purpose';
import { Looks } from './tools';

/** What is shown while there is nobody to show a map to. */
export function Gate() {
  const now = session.value;
  if (now.state === 'asking') {
    return (
      <div class="start">
        <Loading />
      </div>
    );
  }
  if (now.state === 'failed') {
    return (
      <div class="start card">
        <Failure error={now.error} retry={() => void beginSession()} />
      </div>
    );
  }
  return now.state === 'in' ? <FirstPassword /> : <SignIn />;
}

function Frame({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div class="gate">
      <header class="gate-head">
        <p class="brand">
          <img src="/icon.svg" alt="" width="36" height="36" />
          <strong>{t.value.brand}</strong>
        </p>
        <Looks />
      </header>
      <h2 class="hidden">{title}</h2>
      <div class="gate-cards">{children}</div>
    </div>
  );
}

function SignIn() {
  useEffect(wantSignInfo, []);
  const loaded = signInfo.loaded.value;
  const known = info.value;
  const demo = known?.demo_accounts ?? [];
  return (
    <Frame title={t.value.signIn.title}>
      <section class="card gate-card" aria-label={t.value.signIn.title}>
        <h3>{t.value.signIn.title}</h3>
        {!recognised.value && (
          <p class="notice" role="status">
            {draft.value?.corners.length ? t.value.signIn.expired : t.value.signIn.signedOutElse}
          </p>
        )}
        {!known && loaded.state === 'failed' && <Failure error={loaded.error} retry={signInfo.reload} />}
        {!known && loaded.state === 'loading' && <Loading />}
        {known && <Form />}
        <p class="hint">{t.value.signIn.intro}</p>
      </section>
      {demo.length > 0 && <Demo accounts={demo} />}
    </Frame>
  );
}

const name = signal('');
const password = signal('');
const purpose = signal('daily');
const busy = signal(false);
const fault = signal<Error | null>(null);
const waitS = signal(0);

function Form() {
  const words = t.value.signIn;
  const field = useRef<HTMLFormElement>(null);
  useCountdown();
  useEffect(() => {
    if (!phone.peek()) field.current?.querySelector('input')?.focus(); // on a phone the keyboard would cover the page
    return forget;
  }, []);
  const providers = info.value?.providers ?? [];
  return (
    <form
      ref={field}
      class="sign-in"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <TextField
        label={words.name}
        value={name.value}
        required
        autocomplete="username"
        onInput={(text) => {
          name.value = text;
        }}
      />
      <PasswordField
        label={words.password}
        value={password.value}
        required
        autocomplete="current-password"
        onInput={(text) => {
          password.value = text;
        }}
      />
      <PurposeSelect
        value={purpose.value}
        onChange={(id) => {
          purpose.value = id;
        }}
      />
      <SignInFailure />
      <button type="submit" class="button primary" disabled={busy.value || waitS.value > 0}>
        {busy.value ? words.submitting : words.submit}
      </button>
      {providers.length > 0 && <p class="or">{words.or}</p>}
      {providers.map(({ id, title }) => (
        <button
          key={id}
          type="button"
          class="button"
          onClick={() => {
            keepChosen(purpose.value);
            location.assign(providerPath(id));
          }}
        >
          {words.with(format.title(title, lang.value))}
        </button>
      ))}
    </form>
  );
}

function SignInFailure() {
  const error = fault.value;
  if (error === null) return null;
  const words = t.value.signIn.faults;
  const kind = signInFault(error);
  const text = kind === 'other' ? error.message : kind === 'throttled' ? words.throttled(waitS.value) : words[kind];
  return (
    <div class="failure" role="alert">
      <Icon name="warning" />
      <p>{text}</p>
    </div>
  );
}

/** Counts the seconds until the server lets somebody try again. */
function useCountdown(): void {
  const waiting = waitS.value > 0;
  useEffect(() => {
    if (!waiting) return undefined;
    const timer = setInterval(() => {
      waitS.value = Math.max(0, waitS.value - 1);
      if (waitS.value === 0) fault.value = null;
    }, 1000);
    return () => clearInterval(timer);
  }, [waiting]);
}

async function send(): Promise<void> {
  if (busy.value) return;
  busy.value = true;
  fault.value = null;
  try {
    await signIn(name.value.trim(), password.value, purpose.value);
  } catch (error) {
    fault.value = error as Error;
    if (error instanceof Problem && error.status === 429) waitS.value = Math.max(1, error.waitS);
  } finally {
    busy.value = false;
  }
}

/** Nothing of the form stays behind. */
function forget(): void {
  name.value = password.value = '';
  fault.value = null;
}

/** The accounts of the demo, clearly marked: a click fills the form. */
function Demo({ accounts }: { accounts: readonly DemoAccount[] }) {
  const words = t.value.signIn;
  const filled = useSignal('');
  const fill = (account: DemoAccount) => {
    name.value = account.name;
    password.value = account.password;
    fault.value = null;
    filled.value = account.name;
    spoken.value = words.filled(account.name);
    document.querySelector<HTMLElement>('.sign-in [type=submit]')?.focus();
  };
  return (
    <section class="card gate-card demo" aria-label={words.demo}>
      <h3>
        <Icon name="warning" size={16} />
        {words.demo}
      </h3>
      <p class="hint">{phone.value ? words.demoHintPhone : words.demoHint}</p>
      <ul>
        {accounts.map((account) => (
          <li key={account.name}>
            <button
              type="button"
              class="demo-account"
              aria-pressed={filled.value === account.name}
              onClick={() => fill(account)}
            >
              <strong>{format.title(account.title, lang.value)}</strong>
              <span>{account.area || t.value.account.district}</span>
              <code>{account.name}</code>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The password that was given for one sign-in has to become another before anything else. */
function FirstPassword() {
  return (
    <Frame title={t.value.password.title}>
      <section class="card gate-card" aria-label={t.value.password.title}>
        <h3>{t.value.password.title}</h3>
        <p>{t.value.password.forced}</p>
        <p class="hint">{me.value?.account.display || me.value?.account.name}</p>
        <PasswordForm />
        <button type="button" class="link" onClick={() => void leave()}>
          {t.value.account.signOut}
        </button>
      </section>
    </Frame>
  );
}

const leave = (): Promise<void> =>
  signOut(false).catch((error: Error) => {
    toast.value = { text: sentence(error) };
  });
