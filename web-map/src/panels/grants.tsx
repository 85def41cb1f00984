// The grants of an account: a role in an area, for a time.
import { useSignal } from '@preact/signals';
import * as api from '../api/accounts';
import type { Account, Grant, Scope } from '../api/types';
import { grantFault, grantOf, grantState } from '../state/accounts';
import { lang, t } from '../state/app';
import * as format from '../state/format';
import { useSending } from '../state/sending';
import { info } from '../state/session';
import { AreaPicker, areaFor, areaName } from './area-picker';
import { Failure, Select } from './controls';
import { ask } from './dialog';
import { TextField } from './fields';
import { Icon } from './icon';
import { roleTitle } from './view-as';

export function Grants({ account, changed }: { account: Account; changed: () => void }) {
  const words = t.value.users;
  return (
    <>
      {account.grants.length === 0 && <p class="hint">{words.noGrants}</p>}
      <ul class="tags" aria-label={words.grants}>
        {account.grants.map((grant) => (
          <GrantChip key={grant.id} account={account} grant={grant} changed={changed} />
        ))}
      </ul>
      <details class="fold">
        <summary>{words.grant}</summary>
        <GrantForm account={account} changed={changed} />
      </details>
    </>
  );
}

const day = (iso: string): string => format.clockText(iso).slice(0, 10);

/** The last day of a grant: it ends where the next day begins. */
const lastDay = (until: string): string => day(new Date(Date.parse(until) - 1).toISOString());

function GrantChip({ account, grant, changed }: { account: Account; grant: Grant; changed: () => void }) {
  const words = t.value.users;
  const state = grantState(grant, Date.now());
  const name = `${roleTitle(grant.role)} · ${areaName(grant.scope)}`;
  const time = [
    state === 'later' && words.later(day(grant.from)),
    grant.until && words.until_(lastDay(grant.until)),
    state === 'ended' && words.ended,
  ].filter(Boolean);
  return (
    <li class={state === 'now' ? 'chip-static grant' : 'chip-static grant over'}>
      <strong>{roleTitle(grant.role)}</strong>
      {areaName(grant.scope)}
      {time.length > 0 && <small>{time.join(' · ')}</small>}
      <button
        type="button"
        aria-label={words.revoke(name)}
        title={words.revoke(name)}
        onClick={() =>
          ask({
            title: words.revoke(name),
            text: words.revokeAsk(account.name, name),
            action: words.revokeShort,
            run: () => api.revoke(account.id, grant.id).then(changed),
          })
        }
      >
        <Icon name="close" size={14} />
      </button>
    </li>
  );
}

function GrantForm({ account, changed }: { account: Account; changed: () => void }) {
  const words = t.value.users;
  const roles = info.value?.roles ?? [];
  const role = useSignal('');
  const scope = useSignal<Scope>({ level: 'district', code: '' });
  const [from, until] = [useSignal(''), useSignal('')];
  const tried = useSignal(false);
  const { busy, fault, send: sendOnce } = useSending();
  const chosen = roles.find((r) => r.role === role.value) ?? roles[0];
  if (chosen === undefined) return null;
  const area = areaFor(chosen, scope.value);
  const given = grantOf(chosen.role, area, from.value, until.value);
  const wrong = grantFault(given, Date.now());
  const send = async () => {
    tried.value = true;
    if (wrong !== null) return;
    await sendOnce(async () => {
      await api.grant(account.id, given);
      scope.value = { level: area.level, code: '' };
      from.value = until.value = '';
      tried.value = false;
      changed();
    });
  };
  return (
    <form
      class="filter"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <Select
        label={words.role}
        value={chosen.role}
        choices={roles.map((r) => ({ value: r.role, label: r.title[lang.value] }))}
        onChange={(id) => {
          role.value = id;
        }}
      />
      <AreaPicker
        levels={chosen.levels}
        value={area}
        onChange={(next) => {
          scope.value = next;
        }}
      />
      <TextField
        type="date"
        label={words.from}
        value={from.value}
        hint={words.periodHint}
        onInput={(next) => {
          from.value = next;
        }}
      />
      <TextField
        type="date"
        label={words.until}
        value={until.value}
        onInput={(next) => {
          until.value = next;
        }}
      />
      <p class="hint wide">
        {words.rights(chosen.rights.map((r) => t.value.account.rightNames[r]).join(lang.value === 'zh' ? '、' : ', '))}
      </p>
      {tried.value && wrong && (
        <p class="bad wide" role="alert">
          {words.faults[wrong]}
        </p>
      )}
      {fault.value && <Failure error={fault.value} />}
      <div class="actions wide">
        <button type="submit" class="button primary" disabled={busy.value}>
          {words.grantSubmit}
        </button>
      </div>
    </form>
  );
}
