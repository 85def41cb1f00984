// The keys, what the looks of a value mean, and where the data comes from.

import { address, change, meta, phone, smallest, t } from '../state/app';
import { Drawer, Switch } from './controls';
import { Tools } from './tools';
import { ValueSymbol } from './value';

export default function HelpPanel() {
  const words = t.value.help;
  const served = meta.value;
  return (
    <Drawer title={phone.value ? words.more : words.title} takesFocus onClose={() => change({ panel: null })}>
      {phone.value && <Tools wide />}
      {!phone.value && (
        <>
          <Switch
            label={words.keysOn}
            hint={words.keysHint}
            on={address.value.keys}
            onChange={(keys) => change({ keys })}
          />
          <dl class="keys">
            {words.keys.map(([keys, text]) => (
              <div key={text}>
                <dt>
                  {keys.split(' ').map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
      <h3>{words.states}</h3>
      <dl class="meanings">
        {(['number', 'band', 'zero', 'suppressed', 'nodata', 'notlooked'] as const).map((state) => (
          <div key={state}>
            <dt>
              <ValueSymbol state={state} size={18} />
              {t.value.states[state]}
            </dt>
            <dd>{words.meanings[state](smallest.value)}</dd>
          </div>
        ))}
      </dl>
      {served && (
        <>
          <h3>{words.about}</h3>
          <p class="hint">
            {[`wangge ${served.version}`, served.edition?.name, ...served.attribution].filter(Boolean).join(' · ')}
          </p>
        </>
      )}
    </Drawer>
  );
}
