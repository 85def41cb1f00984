// Which layers lie over the coloured areas, and what their symbols mean.

import { overlays } from '../state/address';
import { address, change, lang, meta, t } from '../state/app';
import { toggle } from '../state/pick';
import { Drawer, Switch } from './controls';
import { StateSymbol } from './finding';

export function LayersPanel() {
  const { show } = address.value;
  const words = t.value.layers;
  return (
    <Drawer title={words.title} takesFocus onClose={() => change({ panel: null })}>
      <div class="switches">
        {overlays.map((overlay) => (
          <Switch
            key={overlay}
            label={words[overlay]}
            hint={words.hints[overlay]}
            on={show.includes(overlay)}
            onChange={() => change({ show: overlays.filter((o) => toggle(show, overlay).includes(o)) })}
          />
        ))}
      </div>
      <h3>{words.states}</h3>
      <ul class="states">
        {meta.value?.finding_states.map((state) => (
          <li key={state.id}>
            <StateSymbol state={state.id} />
            {state.title[lang.value]}
          </li>
        ))}
      </ul>
    </Drawer>
  );
}
