// The accounts, for whoever manages them.
import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import * as api from '../api/accounts';
import type { Account } from '../api/types';
import { type AccountState, matching } from '../state/accounts';
import { change, lang, spoken, t, toast } from '../state/app';
import * as format from '../state/format';
import { latest, resource } from '../state/resource';
import { useSending } from '../state/sending';
import { info, me, wantSignInfo } from '../state/session';
import { Drawer, Failure, Loaded, Select } from './controls';
import { ask } from './dialog';
import { TextField } from './fields';
import { Grants } from './grants';
import { Icon } from './icon';
import { Secret } from './secret';

const accounts = resource(
  () => (me.value?.rights.includes('manage-accounts') ? me.value.account.id : null),
  (_, abort) => api.accounts(abort),
);

const text = signal('');
const state = signal<AccountState>('all');
const role = signal('');

/** A password for one sign-in, shown once. */
const oneTime = signal<{ name: string; password: string } | null>(null);

export default function UsersPage() {
  useEffect(() => {
    wantSignInfo();
    accounts.reload();
    return () => {
      oneTime.value = null;
    };
  }, []);
  const words = t.value.users;
  const count = latest(accounts.loaded.value)?.accounts.length;
  return (
    <Drawer
      page
      title={words.title}
      subtitle={count === undefined ? undefined : words.subtitle(count)}
      takesFocus
      onClose={() => change({ panel: null })}
    >
      {oneTime.value ? (
        <Secret
          key={oneTime.value.password}
          title={words.madeFor(oneTime.value.name)}
          hint={words.once}
          lines={[[t.value.signIn.password, oneTime.value.password]]}
          onDone={() => {
            oneTime.value = null;
          }}
        />
      ) : (
        <details class="fold block">
          <summary>{words.add}</summary>
          <AddForm />
        </details>
      )}
      <Filter />
      <Loaded of={accounts}>{(found) => <List accounts={found.accounts} />}</Loaded>
    </Drawer>
  );
}

function Filter() {
  const words = t.value.users;
  const roles = info.value?.roles ?? [];
  return (
    <div class="filter" role="search">
      <TextField
        type="search"
        label={words.search}
        value={text.value}
        onInput={(next) => {
          text.value = next;
        }}
      />
      <Select<AccountState>
        label={words.state}
        value={state.value}
        choices={(['all', 'active', 'disabled', 'no-role'] as const).map((value) => ({
          value,
          label: words.states[value],
        }))}
        onChange={(next) => {
          state.value = next;
        }}
      />
      <Select
        label={words.role}
        value={role.value}
        choices={[
          { value: '', label: words.anyRole },
          ...roles.map((r) => ({ value: r.role, label: r.title[lang.value] })),
        ]}
        onChange={(next) => {
          role.value = next;
        }}
      />
    </div>
  );
}

function AddForm() {
  const words = t.value.users;
  const [name, display] = [useSignal(''), useSignal('')];
  const { busy, fault, send: sendOnce } = useSending();
  const send = async () => {
    await sendOnce(async () => {
      const made = await api.add(name.value.trim(), display.value.trim());
      oneTime.value = { name: made.account.name, password: made.password };
      text.value = made.account.name; // its roles come next
      accounts.reload();
    });
  };
  return (
    <form
      class="filter"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <TextField
        label={words.name}
        value={name.value}
        hint={words.nameHint}
        required
        maxLength={64}
        onInput={(next) => {
          name.value = next;
        }}
      />
      <TextField
        label={words.display}
        value={display.value}
        hint={words.displayHint}
        required
        maxLength={80}
        onInput={(next) => {
          display.value = next;
        }}
      />
      {fault.value && <Failure error={fault.value} />}
      <div class="actions">
        <button type="submit" class="button primary" disabled={busy.value}>
          {words.submit}
        </button>
      </div>
    </form>
  );
}

function List({ accounts: all }: { accounts: Account[] }) {
  const shown = matching(all, { text: text.value, state: state.value, role: role.value }, Date.now());
  if (shown.length === 0) return <p class="nothing">{t.value.users.nothing}</p>;
  return (
    <ul class="people">
      {shown.map((account) => (
        <Person key={account.id} account={account} />
      ))}
    </ul>
  );
}

function Person({ account }: { account: Account }) {
  const words = t.value.users;
  return (
    <li class={account.disabled ? 'block over' : 'block'}>
      <div class="person-head">
        <div>
          <h3>
            {account.display || account.name} <code>{account.name}</code>
          </h3>
          <p class="hint">
            {account.last_seen ? words.lastSeen(format.instant(account.last_seen, lang.value)) : words.neverSeen}
          </p>
        </div>
        <ul class="tags">
          {account.disabled && <li class="chip-static bad">{words.disabled}</li>}
          {account.must_change && <li class="chip-static">{words.mustChange}</li>}
          {account.demo && <li class="chip-static">{words.demo}</li>}
        </ul>
      </div>
      <Grants account={account} changed={done} />
      <Actions account={account} />
    </li>
  );
}

/** Something was changed: says so and shows it. */
function done(): void {
  spoken.value = t.value.users.done;
  toast.value = { text: t.value.users.done };
  accounts.reload();
}

function Actions({ account }: { account: Account }) {
  const words = t.value.users;
  const { id, name } = account;
  const fault = useSignal<Error | null>(null);
  const after = (change: Promise<unknown>) => change.then(done);
  const reset = async () => {
    const { password } = await api.reset(id);
    oneTime.value = { name, password };
    done();
  };
  const enable = () => {
    fault.value = null;
    after(api.enable(id)).catch((error: Error) => {
      fault.value = error;
    });
  };
  const question = (action: string, said: string, run: () => Promise<unknown>) => () =>
    ask({ title: action, text: said, action, run });
  return (
    <>
      {fault.value && <Failure error={fault.value} />}
      <div class="actions" role="group" aria-label={words.actions(name)}>
        {account.disabled ? (
          <button type="button" class="button small" onClick={enable}>
            <Icon name="check" size={14} />
            {words.enable}
          </button>
        ) : (
          <button
            type="button"
            class="button small"
            onClick={question(words.disable, words.disableAsk(name), () => after(api.disable(id)))}
          >
            {words.disable}
          </button>
        )}
        <button type="button" class="button small" onClick={question(words.reset, words.resetAsk(name), reset)}>
          {words.reset}
        </button>
        <button
          type="button"
          class="button small"
          onClick={question(words.signOut, words.signOutAsk(name), () => after(api.signOut(id)))}
        >
          {words.signOut}
        </button>
      </div>
    </>
  );
}
