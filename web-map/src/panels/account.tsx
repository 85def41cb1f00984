// Who is signed in, what that one sees and may do, and the way out.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Me } from '../api/types';
import type { Panel } from '../state/address';
import { change, lang, spoken, t, toast } from '../state/app';
import * as format from '../state/format';
import { may, me, setPurpose, signOut, wantSignInfo } from '../state/session';
import { areaName } from './area-picker';
import { Drawer, Failure } from './controls';
import { ask } from './dialog';
import { Icon, type IconName } from './icon';
import { PurposeSelect } from './purpose';
import { ViewAsForm } from './view-as';

export function AccountMenu() {
  useEffect(wantSignInfo, []);
  const who = me.value;
  if (who === null) return null;
  const { name, display } = who.account;
  return (
    <Drawer
      title={display || name}
      subtitle={display && display !== name ? name : undefined}
      takesFocus
      onClose={() => change({ panel: null })}
    >
      <Sees who={who} />
      <Purpose who={who} />
      <Pages />
      {may('view-as') && (
        <details class="fold">
          <summary>{t.value.viewAs.title}</summary>
          <ViewAsForm />
        </details>
      )}
      <WayOut />
    </Drawer>
  );
}

function Sees({ who }: { who: Me }) {
  const words = t.value.account;
  return (
    <>
      <section>
        <h3>{words.roles}</h3>
        {who.roles.length === 0 && <p class="notice">{words.noRoles}</p>}
        <ul class="tags">
          {who.roles.map(({ role, title, scope }) => (
            <li key={`${role}:${scope.level}:${scope.code}`} class="chip-static">
              <strong>{format.title(title, lang.value)}</strong>
              {areaName(scope)}
            </li>
          ))}
          {who.account.demo && <li class="chip-static">{words.demo}</li>}
        </ul>
      </section>
      <section>
        <h3>{words.sees}</h3>
        <p>{words.classes[who.class](who.k)}</p>
        <p class="hint">
          {words.rights}
          {lang.value === 'zh' ? '：' : ': '}
          {who.rights.map((right) => words.rightNames[right]).join(lang.value === 'zh' ? '、' : ', ')}
        </p>
      </section>
    </>
  );
}

/** Why the map is looked at: changing it is an entry of the audit log. */
function Purpose({ who }: { who: Me }) {
  const fault = useSignal<Error | null>(null);
  const choose = async (id: string) => {
    if (id === '') return;
    fault.value = null;
    try {
      await setPurpose(id);
      spoken.value = t.value.account.purposeSaved;
      toast.value = { text: t.value.account.purposeSaved };
    } catch (error) {
      fault.value = error as Error;
    }
  };
  return (
    <section>
      <PurposeSelect value={who.purpose} onChange={(id) => void choose(id)} />
      {fault.value && <Failure error={fault.value} />}
    </section>
  );
}

function Pages() {
  const words = t.value.account;
  const pages: [Panel, IconName, string, boolean][] = [
    ['access', 'key', words.access, me.value?.by_token === false],
    ['users', 'people', words.users, may('manage-accounts')],
    ['audit', 'log', words.audit, may('read-audit')],
  ];
  return (
    <nav class="pages" aria-label={words.pages}>
      {pages.map(([panel, icon, label, allowed]) =>
        allowed ? (
          <button key={panel} type="button" onClick={() => change({ panel })}>
            <Icon name={icon} />
            {label}
          </button>
        ) : null,
      )}
    </nav>
  );
}

function WayOut() {
  const words = t.value.account;
  const fault = useSignal<Error | null>(null);
  const leave = () => {
    fault.value = null;
    signOut(false).catch((error: Error) => {
      fault.value = error;
    });
  };
  return (
    <>
      {fault.value && <Failure error={fault.value} />}
      <div class="actions">
        <button type="button" class="button" onClick={leave}>
          <Icon name="out" size={16} />
          {words.signOut}
        </button>
        <button
          type="button"
          class="button"
          onClick={() =>
            ask({
              title: words.signOutEverywhere,
              text: words.signOutEverywhereAsk,
              action: words.signOutEverywhere,
              run: () => signOut(true),
            })
          }
        >
          {words.signOutEverywhere}
        </button>
      </div>
    </>
  );
}
