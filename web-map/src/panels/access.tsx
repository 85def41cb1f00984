// One's own sessions, password, and tokens for programs.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import * as api from '../api/session';
import type { OpenSession, Right, Scope, Token } from '../api/types';
import { maxTokenDays, tokenFault, tokenRights } from '../state/accounts';
import { change, lang, meta, spoken, t, toast } from '../state/app';
import * as format from '../state/format';
import { toggle } from '../state/pick';
import { resource } from '../state/resource';
import { useSending } from '../state/sending';
import { me, wantSignInfo } from '../state/session';
import { AreaPicker, areaName } from './area-picker';
import { Drawer, Failure, Loaded } from './controls';
import { ask } from './dialog';
import { TextField } from './fields';
import { PasswordForm } from './password';
import { PurposeSelect, purposeTitle } from './purpose';
import { Secret } from './secret';

const account = () => me.value?.account.id ?? null;
const sessions = resource(account, (_, abort) => api.sessions(abort));
const tokens = resource(account, (_, abort) => api.tokens(abort));

export default function AccessPage() {
  useEffect(() => {
    wantSignInfo();
    sessions.reload();
    tokens.reload();
  }, []);
  const words = t.value.access;
  return (
    <Drawer page title={words.title} subtitle={words.subtitle} takesFocus onClose={() => change({ panel: null })}>
      <section class="block">
        <h3>{words.tokens}</h3>
        <p class="hint">{words.tokensHint}</p>
        <Loaded of={tokens}>{(found) => <Tokens tokens={found.tokens} />}</Loaded>
        <NewTokenForm />
      </section>
      <section class="block">
        <h3>{words.sessions}</h3>
        <Loaded of={sessions}>{(found) => <Sessions sessions={found.sessions} />}</Loaded>
        <details class="fold">
          <summary>{t.value.password.title}</summary>
          <PasswordForm then={sessions.reload} />
        </details>
      </section>
    </Drawer>
  );
}

const instant = (iso: string): string => format.instant(iso, lang.value);

function Sessions({ sessions: list }: { sessions: OpenSession[] }) {
  const words = t.value.access;
  const end = async ({ id }: OpenSession) => {
    await api.endSession(id);
    spoken.value = words.ended;
    toast.value = { text: words.ended };
    sessions.reload();
  };
  return (
    <ul class="rows">
      {list
        .toSorted((a, b) => Number(b.current) - Number(a.current))
        .map((session) => {
          const agent = format.agent(session.agent) || words.unknownAgent;
          return (
            <li key={session.id}>
              <div>
                <p>
                  <strong>{agent}</strong>
                  {session.current && <span class="chip-static current">{words.current}</span>}
                </p>
                <p class="hint">
                  {[words.begun(instant(session.begun_at)), words.used(instant(session.used_at))].join(' · ')}
                </p>
                <p class="hint">{[session.address, purposeTitle(session.purpose)].filter(Boolean).join(' · ')}</p>
              </div>
              {!session.current && (
                <button
                  type="button"
                  class="button small"
                  aria-label={words.endSession(agent)}
                  onClick={() =>
                    ask({ title: words.end, text: words.endSession(agent), action: words.end, run: () => end(session) })
                  }
                >
                  {words.end}
                </button>
              )}
            </li>
          );
        })}
    </ul>
  );
}

function Tokens({ tokens: list }: { tokens: Token[] }) {
  const words = t.value.access;
  const revoke = async ({ id }: Token) => {
    await api.revokeToken(id);
    spoken.value = words.revoked;
    toast.value = { text: words.revoked };
    tokens.reload();
  };
  if (list.length === 0) return <p class="nothing">{words.noTokens}</p>;
  return (
    <ul class="rows">
      {list.map((token) => {
        const over = Date.parse(token.expires_at) <= Date.now();
        const rights = token.rights.map((r) => t.value.account.rightNames[r]).join(lang.value === 'zh' ? '、' : ', ');
        return (
          <li key={token.id} class={over ? 'over' : ''}>
            <div>
              <p>
                <strong>{token.name}</strong>
                {token.scope && <span class="chip-static">{areaName(token.scope)}</span>}
              </p>
              <p class="hint">{[rights, purposeTitle(token.purpose)].filter(Boolean).join(' · ')}</p>
              <p class="hint">
                {(over ? words.expired : words.expires)(instant(token.expires_at))} ·{' '}
                {token.used_at ? words.used(instant(token.used_at)) : words.never}
              </p>
            </div>
            <button
              type="button"
              class="button small"
              aria-label={words.revokeToken(token.name)}
              onClick={() =>
                ask({
                  title: words.revokeToken(token.name),
                  text: words.revokeAsk(token.name),
                  action: words.revoke,
                  run: () => revoke(token),
                })
              }
            >
              {words.revoke}
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** Makes a token; its secret is shown once, and kept nowhere. */
function NewTokenForm() {
  const secret = useSignal<string | null>(null);
  const words = t.value.access;
  if (secret.value !== null) {
    const layer = meta.value?.layers.find(({ id }) => id === 'grids')?.id ?? 'grids';
    return (
      <Secret
        title={words.made}
        hint={words.once}
        lines={[
          [words.token, secret.value],
          [`${words.qgis} · ${words.qgisUrl}`, `${location.origin}/tiles/${layer}/{z}/{x}/{y}.mvt`],
          [words.qgisHeader, `Authorization: Bearer ${secret.value}`],
        ]}
        onDone={() => {
          secret.value = null;
        }}
      />
    );
  }
  return (
    <details class="fold">
      <summary>{words.make}</summary>
      <TokenFields
        made={(made) => {
          secret.value = made;
          tokens.reload();
        }}
      />
    </details>
  );
}

function TokenFields({ made }: { made: (token: string) => void }) {
  const words = t.value.access;
  const mine = tokenRights(me.value?.rights ?? []);
  const areas = areasOf(me.value?.roles.map((r) => r.scope) ?? []);
  const name = useSignal('');
  const purpose = useSignal(me.value?.purpose ?? '');
  const rights = useSignal<readonly Right[]>(mine.filter((r) => r === 'look'));
  const scope = useSignal<Scope>(areas[0] ?? { level: 'district', code: '' });
  const days = useSignal('90');
  const tried = useSignal(false);
  const { busy, fault, send: sendOnce } = useSending();
  const token = {
    name: name.value.trim(),
    purpose: purpose.value,
    rights: [...rights.value],
    scope: { level: scope.value.level, code: scope.value.code },
    days: Number(days.value),
  };
  const wrong = tokenFault(token);
  const said = (field: NonNullable<typeof wrong>) => (tried.value && wrong === field ? words.faults[field] : null);
  const send = async () => {
    tried.value = true;
    if (wrong !== null) return;
    await sendOnce(async () => {
      made((await api.makeToken(token)).token);
    });
  };
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <TextField
        label={words.name}
        value={name.value}
        placeholder={words.namePlaceholder}
        maxLength={80}
        fault={said('name')}
        onInput={(text) => {
          name.value = text;
        }}
      />
      <PurposeSelect
        value={purpose.value}
        onChange={(id) => {
          purpose.value = id;
        }}
      />
      <fieldset class="checks">
        <legend>{words.rights}</legend>
        {mine.map((right) => (
          <label key={right}>
            <input
              type="checkbox"
              checked={rights.value.includes(right)}
              onChange={() => {
                rights.value = toggle(rights.value, right);
              }}
            />
            {t.value.account.rightNames[right]}
          </label>
        ))}
        {said('rights') && <small class="bad">{said('rights')}</small>}
      </fieldset>
      <AreaPicker
        levels={
          areas.some(({ level }) => level === 'district')
            ? ['district', 'towns', 'villages', 'grids']
            : ['towns', 'villages', 'grids']
        }
        value={scope.value}
        onChange={(next) => {
          scope.value = next;
        }}
      />
      {said('area') && <small class="bad">{said('area')}</small>}
      <TextField
        type="number"
        label={words.days}
        value={days.value}
        min={1}
        max={maxTokenDays}
        hint={words.daysHint(maxTokenDays)}
        fault={said('days')}
        onInput={(text) => {
          days.value = text;
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

/** The areas of the account's roles, the district first. */
const areasOf = (scopes: readonly Scope[]): Scope[] =>
  [...scopes].sort((a, b) => Number(b.level === 'district') - Number(a.level === 'district'));
