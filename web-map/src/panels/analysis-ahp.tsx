// The weights of the composite index: five numbers by hand, or ten comparisons of two factors each.
import { useId } from 'preact/hooks';
import { factors, matrixOf, mostSteps, pairs, priorities, timesOf } from '../state/analysis-ahp';
import { parts } from '../state/analysis-draft';
import { figure } from '../state/analysis-table';
import { lang, t } from '../state/app';
import * as format from '../state/format';
import { TextField } from './fields';

interface Props {
  label: string;
  value: string; // as the draft has it: numbers separated by commas
  fault: string | null;
  onInput: (text: string) => void;
}

const title = (at: number): string => t.value.analysis.factors[factors[at] ?? ''] ?? factors[at] ?? '';

/** The list with another number in one place. */
const changed = (list: readonly string[], at: number, text: string, n: number): string =>
  Array.from({ length: n }, (_, i) => (i === at ? text.replaceAll(/[,，;；\s]/g, '') : (list[i] ?? ''))).join(', ');

/** One number for each factor. */
export function HandWeights({ label, value, fault, onInput }: Props) {
  const typed = parts(value);
  return (
    <fieldset class="hand-weights">
      <legend>{label}</legend>
      <p class="hint">{t.value.analysis.byHand}</p>
      {factors.map((factor, at) => (
        <TextField
          key={factor}
          label={title(at)}
          value={typed[at] ?? ''}
          fault={at === 0 ? fault : null}
          onInput={(text) => onInput(changed(typed, at, text, factors.length))}
        />
      ))}
    </fieldset>
  );
}

/** Ten comparisons, with the weights and the consistency that follow from them. */
export function Comparisons({ label, value, onInput }: Props) {
  const words = t.value.analysis.ahp;
  const typed = parts(value);
  const steps = pairs.map((_, at) => Number(typed[at] ?? 0) || 0);
  return (
    <fieldset class="comparisons">
      <legend>{label}</legend>
      <p class="hint">{words.hint}</p>
      {pairs.map(([a, b], at) => (
        <Comparison
          key={`${a}-${b}`}
          of={[title(a), title(b)]}
          step={steps[at] ?? 0}
          onStep={(step) => onInput(changed(steps.map(String), at, String(step), pairs.length))}
        />
      ))}
      <Outcome steps={steps} />
      <div class="actions">
        <button type="button" class="button small" onClick={() => onInput(pairs.map(() => '0').join(', '))}>
          {words.reset}
        </button>
      </div>
    </fieldset>
  );
}

/** How a comparison reads: who counts more, and how many times. */
function reading([a, b]: readonly [string, string], times: number): string {
  const words = t.value.analysis.ahp;
  if (Math.abs(times - 1) < 0.005) return words.equal;
  const more = Math.round((times > 1 ? times : 1 / times) * 100) / 100;
  return words.more(times > 1 ? a : b, format.number(more, lang.value));
}

/** How many times more, with an arrow to the side that counts more. */
function sideOf(step: number): string {
  const words = t.value.analysis.ahp;
  if (step === 0) return words.equal;
  const times = words.times(Math.abs(step) + 1);
  return step > 0 ? `← ${times}` : `${times} →`;
}

/** One pair: to the left the first counts more, to the right the second. */
function Comparison(props: { of: readonly [string, string]; step: number; onStep: (step: number) => void }) {
  const { of, step, onStep } = props;
  const id = useId();
  const words = t.value.analysis.ahp;
  return (
    <div class="comparison">
      <label for={id}>
        <span class={step > 0 ? 'more' : ''}>{of[0]}</span>
        <span class="times">{sideOf(step)}</span>
        <span class={step < 0 ? 'more' : ''}>{of[1]}</span>
      </label>
      {/* biome-ignore lint/a11y/useAriaPropsSupportedByRole: a range is a slider, which has a value in words */}
      <input
        id={id}
        type={'range' as 'text'}
        min={-mostSteps}
        max={mostSteps}
        step={1}
        value={String(-step)}
        aria-label={words.pair(...of)}
        aria-valuetext={reading(of, timesOf(step))}
        onInput={(event) => onStep(0 - Number(event.currentTarget.value))}
      />
    </div>
  );
}

function Outcome({ steps }: { steps: readonly number[] }) {
  const words = t.value.analysis.ahp;
  const { weights, cr, consistent, worst } = priorities(matrixOf(steps));
  const most = Math.max(...weights);
  const contradiction = () => {
    if (worst === null) return '';
    const of = [title(worst.row), title(worst.column)] as const;
    return words.inconsistent(words.pair(...of), reading(of, worst.given), reading(of, worst.implied));
  };
  return (
    <div class="ahp-outcome">
      <p class="label">{words.weights}</p>
      <ul class="contributions">
        {weights.map((weight, at) => (
          <li key={factors[at]}>
            <span>{title(at)}</span>
            <span class="part-bar" aria-hidden="true">
              <i style={{ width: `${(weight / most) * 100}%` }} />
            </span>
            <b>{figure(weight, '%', 1, lang.value)}</b>
          </li>
        ))}
      </ul>
      <p class={consistent ? 'ratio' : 'ratio notice'} role="status">
        <strong>{words.ratio(figure(cr, '', 3, lang.value))}</strong> {consistent ? words.consistent : contradiction()}
      </p>
    </div>
  );
}
