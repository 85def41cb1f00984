// The form of an analysis: the question first, and what only some want to choose folded away.
import { signal, useSignal } from '@preact/signals';
import { useEffect, useId } from 'preact/hooks';
import type { AnalysisCatalogue, AnalysisMethod } from '../api/types';
import { ask, catalogue, draft } from '../state/analysis';
import {
  choicesOf,
  type Draft,
  type DraftFault,
  draftOf,
  editionsFor,
  type Field,
  faultsOf,
  fieldsOf,
  presetOf,
  requestOf,
  withMethod,
} from '../state/analysis-draft';
import { lang, meta, t } from '../state/app';
import { toggle } from '../state/pick';
import { useSending } from '../state/sending';
import { Comparisons, HandWeights } from './analysis-ahp';
import { Failure, Loaded, Segmented, Select, Switch } from './controls';
import { TextField } from './fields';

/** The form, when it is known what can be asked. */
export function AskForm() {
  return <Loaded of={catalogue}>{(known) => <Form known={known} />}</Loaded>;
}

const set = (part: Partial<Draft>): void => {
  if (draft.value !== null) draft.value = { ...draft.value, ...part };
};

/** The form at the start: what the defaults ask for, by the first method. */
function begin(known: AnalysisCatalogue): void {
  const [first] = known.methods;
  if (first !== undefined) draft.value = withMethod(draftOf(known.defaults), first);
}

const shownFaults = signal<readonly DraftFault[]>([]);

function Form({ known }: { known: AnalysisCatalogue }) {
  const words = t.value.analysis;
  const { busy, fault, send } = useSending();
  useEffect(() => {
    if (draft.peek() === null) begin(known);
    shownFaults.value = [];
  }, []);
  const typed = draft.value;
  const method = known.methods.find((m) => m.id === typed?.method);
  if (typed === null || method === undefined) return null;
  const submit = () => {
    shownFaults.value = faultsOf(typed, method);
    if (shownFaults.value.length === 0) void send(() => ask(requestOf(typed, method)));
  };
  return (
    <form
      class="analysis-ask"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        submit();
      }}
    >
      <Methods known={known} method={method} draft={typed} />
      <What known={known} method={method} draft={typed} />
      <Period known={known} draft={typed} />
      {typed.indicator === 'casework' && <Kinds draft={typed} />}
      <Options method={method} draft={typed} />
      {fault.value && <Failure error={fault.value} />}
      <div class="actions sticky">
        <button type="submit" class="button primary" disabled={busy.value}>
          {busy.value ? words.sending : words.run}
        </button>
        <small class="run-key">{words.runKey}</small>
      </div>
    </form>
  );
}

interface Part {
  known: AnalysisCatalogue;
  method: AnalysisMethod;
  draft: Draft;
}

function Methods({ known, method, draft: typed }: Part) {
  const words = t.value.analysis;
  const name = useId();
  return (
    <>
      <fieldset class="methods">
        <legend>{words.question}</legend>
        {known.methods.map((m) => (
          <label key={m.id}>
            <input
              type="radio"
              name={name}
              value={m.id}
              checked={m.id === method.id}
              onChange={() => {
                draft.value = withMethod(typed, m);
              }}
            />
            <span>
              <strong>{m.question[lang.value]}</strong>
              <small>{m.title[lang.value]}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <div class="about">
        <p>{method.about[lang.value]}</p>
        <p class="hint">{words.needs(method.needs[lang.value])}</p>
        <p class="hint">{words.source(method.source)}</p>
      </div>
    </>
  );
}

function What({ known, method, draft: typed }: Part) {
  const words = t.value.analysis;
  const offered = known.indicators.filter(({ id }) => method.indicators.includes(id));
  const hint = offered.find(({ id }) => id === typed.indicator)?.hint[lang.value];
  return (
    <>
      {offered.length > 1 && (
        <div>
          <Select
            label={words.indicator}
            value={typed.indicator}
            choices={offered.map(({ id, title }) => ({ value: id, label: title[lang.value] }))}
            onChange={(indicator) => set({ indicator })}
          />
          <small>{hint}</small>
        </div>
      )}
      {method.levels.length > 1 && (
        <div class="labelled">
          <span class="label" aria-hidden="true">
            {words.level}
          </span>
          <Segmented
            label={words.level}
            value={typed.level}
            choices={method.levels.map((value) => ({ value, label: levelTitle(value) }))}
            onChange={(level) => set({ level })}
          />
        </div>
      )}
      <Editions method={method} draft={typed} />
    </>
  );
}

/** Whose grids are the units, where there is more than one edition. */
function Editions({ method, draft: typed }: { method: AnalysisMethod; draft: Draft }) {
  const words = t.value.analysis;
  const offered = editionsFor(meta.value?.editions ?? [], method, typed);
  if (offered.length === 0) return null;
  return (
    <div>
      <Select
        label={words.edition}
        value={offered.some(({ id }) => id === typed.edition) ? typed.edition : ''}
        choices={offered.map(({ id, name, effective_from: from }) => ({
          value: id,
          label: id === '' ? words.editionOnMap(name) : words.editionFrom(name, from),
        }))}
        onChange={(edition) => {
          draft.value = { ...typed, edition };
        }}
      />
      {typed.edition !== '' && <small>{words.editionHint}</small>}
    </div>
  );
}

/** What a level is called. */
export const levelTitle = (level: string): string => (t.value.levels as Record<string, string>)[level] ?? level;

function Period({ known, draft: typed }: { known: AnalysisCatalogue; draft: Draft }) {
  const words = t.value.analysis;
  const presets = [
    [words.presets.three, presetOf(known, 3)],
    [words.presets.five, presetOf(known, 5)],
    [words.presets.all, presetOf(known, 'all')],
  ] as const;
  return (
    <fieldset class="period-fields">
      <legend>{words.period}</legend>
      <div class="pair">
        <Month name="from" known={known} draft={typed} />
        <Month name="to" known={known} draft={typed} />
      </div>
      <div class="chips">
        {presets.map(([label, { from, to }]) => (
          <button
            key={label}
            type="button"
            class="chip"
            aria-pressed={typed.from === from && typed.to === to}
            onClick={() => set({ from, to })}
          >
            {label}
          </button>
        ))}
      </div>
    </fieldset>
  );
}

function Month({ name, known, draft: typed }: { name: 'from' | 'to'; known: AnalysisCatalogue; draft: Draft }) {
  const id = useId();
  const words = t.value.analysis;
  const wrong = shownFaults.value.some(({ key }) => key === name);
  return (
    <div class="field">
      <label for={id}>{words[name]}</label>
      <input
        id={id}
        type={'month' as 'text'}
        placeholder="2023-01"
        min={known.first}
        max={known.last}
        value={typed[name]}
        aria-invalid={wrong}
        aria-describedby={wrong ? `${id}-hint` : undefined}
        onInput={(event) => set({ [name]: event.currentTarget.value })}
      />
      {wrong && (
        <small id={`${id}-hint`} class="bad">
          {words.faults.month}
        </small>
      )}
    </div>
  );
}

function Kinds({ draft: typed }: { draft: Draft }) {
  return (
    <fieldset class="checks">
      <legend>{t.value.analysis.kinds}</legend>
      {meta.value?.case_kinds.map(({ id, title }) => (
        <label key={id}>
          <input
            type="checkbox"
            checked={typed.kinds.includes(id)}
            onChange={() => set({ kinds: toggle(typed.kinds, id) })}
          />
          {title[lang.value]}
        </label>
      ))}
    </fieldset>
  );
}

/** What the answer hangs on most: the length of a period, the species whose plots are sought, and the weights of an index. */
const leading: readonly string[] = [
  'step',
  'composite.species',
  'composite.by',
  'composite.weights',
  'composite.judgements',
];

/** The options of the method: those that lead first, the others folded away. */
function Options({ method, draft: typed }: { method: AnalysisMethod; draft: Draft }) {
  const open = useSignal(false);
  const wanted = fieldsOf(method, typed);
  const leads = ({ key }: Field) => leading.includes(key);
  const [first, folded] = [wanted.filter(leads), wanted.filter((field) => !leads(field))];
  const faulty = shownFaults.value.some(({ key }) => folded.some((f) => f.key === key));
  return (
    <>
      {first.map((field) => (
        <OptionField key={field.key} field={field} draft={typed} />
      ))}
      {folded.length > 0 && (
        <details
          class="fold"
          open={open.value || faulty}
          onToggle={(event) => {
            open.value = event.currentTarget.open;
          }}
        >
          <summary>{t.value.analysis.advanced}</summary>
          <div class="options">
            {folded.map((field) => (
              <OptionField key={field.key} field={field} draft={typed} />
            ))}
          </div>
        </details>
      )}
    </>
  );
}

function OptionField({ field, draft: typed }: { field: Field; draft: Draft }) {
  const words = t.value.analysis;
  const { key, kind, unit } = field;
  const label = words.options[key];
  const value = typed.options[key] ?? '';
  const change = (text: string) => set({ options: { ...typed.options, [key]: text } });
  if (kind === 'switch') return <Switch label={label} on={value === 'true'} onChange={(on) => change(String(on))} />;
  if (kind === 'choice') {
    const choices = choicesOf(field, typed).map((id) => ({ value: id, label: words.choices[key]?.[id] ?? id }));
    return <Select label={label} value={value} choices={choices} onChange={change} />;
  }
  const fault = shownFaults.value.find((f) => f.key === key)?.fault;
  const said = fault === undefined ? null : words.faults[fault];
  if (kind === 'weights') return <HandWeights label={label} value={value} fault={said} onInput={change} />;
  if (kind === 'judgements') return <Comparisons label={label} value={value} fault={said} onInput={change} />;
  return (
    <TextField label={unit === undefined ? label : `${label} (${unit})`} value={value} fault={said} onInput={change} />
  );
}
