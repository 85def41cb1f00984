// The tool buttons: panels, theme and language, and moving the map.

import type { Panel } from '../state/address';
import { address, change, t, theme } from '../state/app';
import { goHome, map } from '../state/commands';
import { may, mayAnalyse, me } from '../state/session';
import { IconButton } from './controls';
import { Icon } from './icon';

export const togglePanel = (panel: Panel): void => change({ panel: address.value.panel === panel ? null : panel });

export const otherTheme = (): void => change({ theme: theme.value === 'dark' ? 'light' : 'dark' });
export const otherLanguage = (): void => change({ lang: address.value.lang === 'zh' ? 'en' : 'zh' });

const myName = (): string => me.value?.account.display || me.value?.account.name || '';

/** Who is signed in, at the top of a desktop. */
export function AccountButton() {
  const name = myName();
  return (
    <button
      type="button"
      class="account-button"
      aria-label={t.value.account.open(name)}
      aria-pressed={address.value.panel === 'account'}
      title={t.value.account.open(name)}
      onClick={() => togglePanel('account')}
    >
      <Icon name="person" size={18} />
      <span>{name}</span>
    </button>
  );
}

/** The right-hand column of a desktop; "wide" is the list in the phone's sheet. */
export function Tools({ wide = false }: { wide?: boolean }) {
  const words = t.value.tools;
  const { panel } = address.value;
  const text = (label: string) => (wide ? { text: label } : {});
  const name = myName();
  const open = (to: Panel) => ({ pressed: panel === to, onClick: () => togglePanel(to) });
  return (
    <nav class={wide ? 'tools wide' : 'tools'} aria-label={words.label}>
      {wide && (
        <div class="card group">
          <IconButton icon="person" label={t.value.account.open(name)} {...open('account')} text={name} />
        </div>
      )}
      {!(wide && !may('import') && !mayAnalyse.value) && (
        <div class="card group">
          {!wide && <IconButton icon="layers" label={words.layers} keys="L" {...open('layers')} />}
          {!wide && may('mark') && <IconButton icon="mark" label={words.mark} keys="M" {...open('mark')} />}
          {mayAnalyse.value && (
            <IconButton
              icon="analysis"
              label={words.analysis}
              keys="A"
              {...open('analysis')}
              {...text(words.analysis)}
            />
          )}
          {may('import') && (
            <IconButton icon="import" label={words.import} keys="I" {...open('import')} {...text(words.import)} />
          )}
        </div>
      )}
      <div class="card group">
        <LookButtons wide={wide} />
        {!wide && <IconButton icon="help" label={words.help} keys="?" {...open('help')} />}
      </div>
    </nav>
  );
}

/** Theme and language alone, where there is no map yet. */
export function Looks() {
  return (
    <div class="looks card" role="group" aria-label={t.value.tools.label}>
      <LookButtons wide={false} />
    </div>
  );
}

function LookButtons({ wide }: { wide: boolean }) {
  const words = t.value.tools;
  const dark = theme.value === 'dark';
  const label = dark ? words.light : words.dark;
  return (
    <>
      <IconButton icon={dark ? 'sun' : 'moon'} label={label} onClick={otherTheme} {...(wide ? { text: label } : {})} />
      <button
        type="button"
        class="icon-button language"
        lang={words.otherLang}
        title={words.otherLanguage}
        aria-label={wide ? words.otherLanguage : `${words.otherShort} ${words.otherLanguage}`}
        onClick={otherLanguage}
      >
        {wide ? <span class="icon-button-text">{words.otherLanguage}</span> : words.otherShort}
      </button>
    </>
  );
}

export function ZoomButtons() {
  const words = t.value.tools;
  return (
    <div class="zoom card group" role="group" aria-label={words.zoom}>
      <IconButton icon="plus" label={words.zoomIn} onClick={() => map.value?.zoomBy(1)} />
      <IconButton icon="minus" label={words.zoomOut} onClick={() => map.value?.zoomBy(-1)} />
      <IconButton icon="home" label={words.home} onClick={goHome} />
    </div>
  );
}
