import { lang, t } from '../state/app';
import { info } from '../state/session';
import { Select } from './controls';

/** The title of a purpose; its id before the purposes are known. */
export const purposeTitle = (id: string): string => info.value?.purposes.find((p) => p.id === id)?.[lang.value] ?? id;

/** What the map is looked at for, or a table taken away for; nothing to choose from before the purposes are known. */
export function PurposeSelect(props: { value: string; onChange: (id: string) => void }) {
  const purposes = info.value?.purposes ?? [];
  const known = purposes.some(({ id }) => id === props.value);
  const unset = known ? [] : [{ value: '', label: t.value.account.purposeUnset }];
  return (
    <Select
      label={t.value.signIn.purpose}
      value={known ? props.value : ''}
      choices={[...unset, ...purposes.map((p) => ({ value: p.id, label: p[lang.value] }))]}
      onChange={props.onChange}
    />
  );
}
