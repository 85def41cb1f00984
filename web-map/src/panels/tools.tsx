// The tool buttons: panels, theme and language, and moving the map.

import type { Panel } from '../state/address';
import { address, change, t, theme } from '../state/app';
import { goHome, map } from '../state/commands';
import { IconButton } from './controls';

export const togglePanel = (panel: Panel): void => change({ panel: address.value.panel === panel ? null : panel });

export const otherTheme = (): void => change({ theme: theme.value === 'dark' ? 'light' : 'dark' });
export const otherLanguage = (): void => change({ lang: address.value.lang === 'zh' ? 'en' : 'zh' });

/** The right-hand column of a desktop; "wide" is the row in the phone's sheet. */
export function Tools({ wide = false }: { wide?: boolean }) {
  const words = t.value.tools;
  const { panel } = address.value;
  const dark = theme.value === 'dark';
  const text = (label: string) => (wide ? { text: label } : {});
  return (
    <nav class={wide ? 'tools wide' : 'tools'} aria-label={words.label}>
      <div class="card group">
        {!wide && (
          <>
            <IconButton
              icon="layers"
              label={words.layers}
              keys="L"
              pressed={panel === 'layers'}
              onClick={() => togglePanel('layers')}
            />
            <IconButton
              icon="mark"
              label={words.mark}
              keys="M"
              pressed={panel === 'mark'}
              onClick={() => togglePanel('mark')}
            />
          </>
        )}
        <IconButton
          icon="import"
          label={words.import}
          keys="I"
          pressed={panel === 'import'}
          onClick={() => togglePanel('import')}
          {...text(words.import)}
        />
      </div>
      <div class="card group">
        <IconButton
          icon={dark ? 'sun' : 'moon'}
          label={dark ? words.light : words.dark}
          onClick={otherTheme}
          {...text(dark ? words.light : words.dark)}
        />
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
        {!wide && (
          <IconButton
            icon="help"
            label={words.help}
            keys="?"
            pressed={panel === 'help'}
            onClick={() => togglePanel('help')}
          />
        )}
      </div>
    </nav>
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
