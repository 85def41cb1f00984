// The analysis workspace: a question, what came out of it, and what was asked before.
import { useEffect } from 'preact/hooks';
import { result, type Tab, tab } from '../state/analysis';
import { change, lang, spoken, t } from '../state/app';
import { AskForm } from './analysis-ask';
import { RunList, RunState } from './analysis-run';
import { Drawer, Segmented } from './controls';

const tabs = ['ask', 'result', 'runs'] as const;

export default function AnalysisPanel() {
  const words = t.value.analysis;
  const done = result.value;
  useEffect(() => {
    if (done !== null) spoken.value = words.ready(done.title[lang.value]);
  }, [done]);
  return (
    <Drawer
      wide
      title={words.title}
      subtitle={words.subtitle}
      takesFocus
      onClose={() => change({ panel: null, selection: null })}
    >
      <Segmented<Tab>
        label={words.title}
        value={tab.value}
        choices={tabs.map((value) => ({ value, label: words.tabs[value] }))}
        onChange={(value) => {
          tab.value = value;
        }}
      />
      {tab.value === 'ask' && <AskForm />}
      {tab.value === 'result' && <RunState />}
      {tab.value === 'runs' && <RunList />}
    </Drawer>
  );
}
