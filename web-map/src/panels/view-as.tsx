// Looking at the map as another role, and the banner that says so on every page.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Scope } from '../api/types';
import { change, lang, sentence, t, toast } from '../state/app';
import * as format from '../state/format';
import { useSending } from '../state/sending';
import { endViewAs, info, me, viewAs, wantSignInfo } from '../state/session';
import { AreaPicker, areaFor, areaName } from './area-picker';
import { Failure, Loading, Select } from './controls';
import { Icon } from './icon';

/** The title of a role, by the table of roles; its id before that is known. */
export const roleTitle = (role: string): string =>
  format.title(info.value?.roles.find((r) => r.role === role)?.title, lang.value) || role;

export function ViewAsBanner() {
  const as = me.value?.view_as ?? null;
  useEffect(() => {
    if (as !== null) wantSignInfo();
  }, [as]);
  if (as === null) return null;
  const words = t.value.viewAs;
  return (
    <section class="viewing" aria-label={words.title}>
      <Icon name="show" size={18} />
      <p>{words.banner(roleTitle(as.role), areaName(as.scope))}</p>
      <button type="button" class="button small" onClick={() => void end()}>
        {words.end}
      </button>
    </section>
  );
}

const end = (): Promise<void> =>
  endViewAs().catch((error: Error) => {
    toast.value = { text: sentence(error) };
  });

/** Chooses the role and the area to look as. */
export function ViewAsForm() {
  useEffect(wantSignInfo, []);
  const words = t.value.viewAs;
  const roles = info.value?.roles ?? [];
  const role = useSignal('');
  const scope = useSignal<Scope>({ level: 'district', code: '' });
  const { busy, fault, send: sendOnce } = useSending();
  const chosen = roles.find((r) => r.role === role.value) ?? roles[0];
  if (chosen === undefined) return <Loading />;
  const area = areaFor(chosen, scope.value);
  const start = async () => {
    await sendOnce(async () => {
      await viewAs(chosen.role, area);
      change({ panel: null });
    });
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <p class="hint">{words.hint}</p>
      <Select
        label={t.value.users.role}
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
      {fault.value && <Failure error={fault.value} />}
      <div class="actions">
        <button
          type="submit"
          class="button primary"
          disabled={busy.value || (area.level !== 'district' && area.code === '')}
        >
          {words.start}
        </button>
      </div>
    </form>
  );
}
