// Which layers lie over the coloured areas, and what their symbols mean.

import { type Overlay, overlays } from '../state/address';
import { address, change, groundOnly, lang, meta, seesFindings, t } from '../state/app';
import { toggle } from '../state/pick';
import { may } from '../state/session';
import { Drawer, Switch } from './controls';
import { ExportButton } from './export';
import { CellSymbol, StateSymbol } from './finding';

export function LayersPanel() {
  const { show } = address.value;
  const words = t.value.layers;
  return (
    <Drawer title={words.title} takesFocus onClose={() => change({ panel: null })}>
      <div class="switches">
        {overlays.filter(visible).map((overlay) => (
          <Switch
            key={overlay}
            label={words[overlay]}
            hint={words.hints[overlay]}
            on={show.includes(overlay)}
            onChange={() => change({ show: overlays.filter((o) => toggle(show, overlay).includes(o)) })}
          />
        ))}
      </div>
      {seesFindings.value && <States />}
      {groundOnly.value && <p class="notice">{t.value.here.groundOnly}</p>}
    </Drawer>
  );
}

/** Whether there is anything in an overlay for whoever reads. */
function visible(overlay: Overlay): boolean {
  if (overlay === 'findings') return seesFindings.value;
  return overlay === 'labels' || !groundOnly.value;
}

function States() {
  return (
    <>
      <h3>{t.value.layers.states}</h3>
      <ul class="states">
        {meta.value?.finding_states.map((state) => (
          <li key={state.id}>
            <StateSymbol state={state.id} />
            {state.title[lang.value]}
          </li>
        ))}
        {meta.value?.class !== 'command' && (
          <li class="wide">
            <CellSymbol state="" />
            {t.value.finding.cells}
          </li>
        )}
      </ul>
      {may('look-exact') && (
        <div class="actions">
          <ExportButton table="findings" />
        </div>
      )}
    </>
  );
}
