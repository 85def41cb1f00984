// How far an analysis is, and the analyses of before.
import type { AnalysisRun } from '../api/types';
import { ask, cancel, edit, following, outcome, result, run, runs, showRun, underWay } from '../state/analysis';
import { address, lang, meta, t } from '../state/app';
import * as format from '../state/format';
import { useSending } from '../state/sending';
import { levelTitle } from './analysis-ask';
import { ResultView } from './analysis-result';
import { CompareButton } from './compare';
import { Failure, Loaded, Loading } from './controls';
import { Icon } from './icon';
import { TakeAway } from './print';

/** The run of the address: on its way, failed, or with its result. */
export function RunState() {
  const words = t.value.analysis;
  const is = run.value;
  const loaded = following.loaded.value;
  if (address.value.run === null) return <p class="nothing">{words.none}</p>;
  return (
    <>
      {loaded.state === 'failed' && <Failure error={loaded.error} retry={following.reload} />}
      {loaded.state === 'failed' && is === null && <Clear />}
      {is === null && loaded.state === 'loading' && <Loading />}
      {is !== null && <RunHead run={is} />}
      {is !== null && underWay(is) && <Progress run={is} />}
      {is?.state === 'cancelled' && <p class="notice">{words.cancelled}</p>}
      {is?.state === 'failed' && <Failed run={is} />}
      {is?.state === 'done' && !is.current && <Old run={is} />}
      {is?.state === 'done' && <Outcome />}
    </>
  );
}

/** What a run asked, in one line. */
function summary({ request }: AnalysisRun): string {
  const { indicator, level, edition, from, to } = request;
  const words = t.value.analysis;
  const known = meta.value?.editions.find(({ id, state }) => id === edition && state !== 'published');
  return [
    indicatorTitle(indicator),
    levelTitle(level),
    known && words.onEdition(known.name),
    from && to ? format.period(from, to, lang.value) : words.period,
  ]
    .filter(Boolean)
    .join(' · ');
}

const indicatorTitle = (id: string): string => t.value.analysis.indicators[id] ?? id;

function RunHead({ run: is }: { run: AnalysisRun }) {
  const words = t.value.analysis;
  return (
    <div class="run-head">
      <h3>{is.title[lang.value]}</h3>
      <p class="hint">{summary(is)}</p>
      <div class="actions">
        <button type="button" class="button small" onClick={() => edit(is.request)}>
          {words.edit}
        </button>
        <Clear />
      </div>
    </div>
  );
}

const Clear = () => (
  <button type="button" class="button small" onClick={() => showRun(null)}>
    {t.value.analysis.clear}
  </button>
);

function Progress({ run: is }: { run: AnalysisRun }) {
  const words = t.value.analysis;
  const { busy, fault, send } = useSending();
  const percent = Math.round(is.share * 100);
  return (
    <div class="sending" role="status">
      <progress max={1} {...(is.state === 'running' && { value: is.share })} aria-label={words.states[is.state]} />
      <p>{is.state === 'running' ? `${words.states.running} · ${words.progress(percent)}` : words.states.queued}</p>
      <button type="button" class="button small" disabled={busy.value} onClick={() => void send(() => cancel(is.id))}>
        {words.cancel}
      </button>
      {fault.value && <Failure error={fault.value} />}
    </div>
  );
}

function Failed({ run: is }: { run: AnalysisRun }) {
  return (
    <div class="failure" role="alert">
      <Icon name="warning" />
      <p>
        <strong>{t.value.analysis.failedTitle}</strong>
        <br />
        {is.problem}
      </p>
    </div>
  );
}

/** The result is of data that have changed since. */
function Old({ run: is }: { run: AnalysisRun }) {
  return (
    <div class="notice old">
      <p>{t.value.analysis.old}</p>
      <Again run={is} />
    </div>
  );
}

function Again({ run: is }: { run: AnalysisRun }) {
  const { busy, fault, send } = useSending();
  return (
    <>
      <button type="button" class="button small" disabled={busy.value} onClick={() => void send(() => ask(is.request))}>
        {t.value.analysis.again}
      </button>
      {fault.value && <Failure error={fault.value} />}
    </>
  );
}

function Outcome() {
  const loaded = outcome.loaded.value;
  const shown = result.value;
  if (loaded.state === 'failed') return <Failure error={loaded.error} retry={outcome.reload} />;
  if (shown === null || run.value === null) return <Loading />;
  return (
    <>
      <ResultView result={shown} />
      <TakeAway run={run.value} result={shown} />
    </>
  );
}

/** The newest runs of everybody who sees as much. */
export function RunList() {
  const words = t.value.analysis;
  return (
    <Loaded of={runs}>
      {(list) => (
        <>
          <h3>{words.history}</h3>
          {list.length === 0 && <p class="nothing">{words.noRuns}</p>}
          <ul class="rows runs">
            {list.map((is) => (
              <RunRow key={is.id} run={is} />
            ))}
          </ul>
        </>
      )}
    </Loaded>
  );
}

function RunRow({ run: is }: { run: AnalysisRun }) {
  const words = t.value.analysis;
  const when = format.instant(is.asked_at, lang.value);
  const took = is.took_ms === undefined ? '' : words.took(format.number(is.took_ms / 1000, lang.value));
  return (
    <li>
      <div>
        <button
          type="button"
          class="link"
          aria-current={is.id === address.value.run ? 'true' : undefined}
          onClick={() => showRun(is.id)}
        >
          {is.title[lang.value]}
        </button>
        <span class={`chip-static run-${is.state}`}>{words.states[is.state]}</span>
        <small class="line">{summary(is)}</small>
        <small class="line">{[words.by(is.own ? words.mine : is.actor, when), took].filter(Boolean).join(' · ')}</small>
        {is.problem && <small class="line bad">{is.problem}</small>}
      </div>
      {is.state === 'done' && !is.current && <Again run={is} />}
      <CompareButton run={is} />
    </li>
  );
}
