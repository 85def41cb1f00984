// The single-key shortcuts. They rest while something is typed, and can be turned off (WCAG 2.1.4).

import type { Panel } from './address';
import { address, change } from './app';
import { untap } from './draft';
import { step } from './draft-store';
import { mayAnalyse, reader } from './session';

const panelKeys: Record<string, Panel> = { l: 'layers', m: 'mark', i: 'import', a: 'analysis', '?': 'help' };

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches('input:not([type=radio]):not([type=checkbox]), select, textarea');

/** Closes the topmost thing: first the panel, then the selection. */
function close(): void {
  if (address.value.panel === 'analysis') change({ panel: null, selection: null });
  else if (address.value.panel !== null) change({ panel: null });
  else if (address.value.selection !== null) change({ selection: null });
}

export function onKey(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (reader.value === null || document.querySelector('dialog[open]') !== null) return; // no map, or a question first
  if (event.key === 'Escape') return close();
  if (typing(event.target)) return;
  if (event.key === 'Backspace' && address.value.panel === 'mark') {
    event.preventDefault();
    return step(untap);
  }
  if (!address.value.keys) return;
  if (event.key === '/') {
    event.preventDefault();
    return document.getElementById('search')?.focus();
  }
  const panel = panelKeys[event.key.toLowerCase()];
  if (panel === undefined || (panel === 'analysis' && !mayAnalyse.value)) return;
  event.preventDefault();
  change({ panel: address.value.panel === panel ? null : panel });
}
