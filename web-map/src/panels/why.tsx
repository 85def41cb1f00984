// Why a value is shown as it is, or not at all.

import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useId } from 'preact/hooks';
import type { Explanation, Level } from '../api/types';
import * as api from '../api/wangge';
import { lang, revision, t } from '../state/app';
import * as format from '../state/format';
import type { Loaded } from '../state/resource';
import { Failure, Loading } from './controls';
import { Icon } from './icon';
import { ValueText } from './value';

/** A button that unfolds the rule behind the casework of a unit, in a period and of some kinds. */
export function Why(props: { level: Exclude<Level, 'none'>; code: string; name: string; filter: api.CaseFilter }) {
  const id = useId();
  const open = useSignal(false);
  const path = api.explainPath(props.level, props.code, props.filter);
  return (
    <div class="why">
      <button
        type="button"
        class="button small"
        aria-expanded={open.value}
        aria-controls={id}
        aria-label={t.value.why.askAbout(props.name)}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        <Icon name="help" size={14} />
        {t.value.why.ask}
      </button>
      <div id={id} hidden={!open.value}>
        {open.value && <Answer key={path} path={path} />}
      </div>
    </div>
  );
}

function Answer({ path }: { path: string }) {
  const loaded = useSignal<Loaded<Explanation>>({ state: 'loading' });
  const round = useSignal(0);
  useEffect(() => {
    const abort = new AbortController();
    loaded.value = { state: 'loading' };
    api.explain(path, abort.signal).then(
      (value) => {
        if (!abort.signal.aborted) loaded.value = { state: 'ready', value };
      },
      (error: Error) => {
        if (!abort.signal.aborted) loaded.value = { state: 'failed', error };
      },
    );
    return () => abort.abort();
  }, [path, round.value, revision.value]);
  const now = loaded.value;
  if (now.state === 'failed') {
    return (
      <Failure
        error={now.error}
        retry={() => {
          round.value += 1;
        }}
      />
    );
  }
  return now.state === 'ready' ? <Explained found={now.value} /> : <Loading />;
}

function Explained({ found }: { found: Explanation }) {
  const words = t.value.why;
  const { from, to, closed } = found.period;
  const period = format.period(from ?? '', to ?? closed, lang.value);
  return (
    <div class="explained">
      <p>{found.rule[lang.value]}</p>
      {found.parts.length > 0 && <Parts parts={found.parts} />}
      <dl class="places">
        <Line label={words.shown}>
          <ValueText value={found.value} unit="" />
        </Line>
        <Line label={words.period}>{from || to ? period : words.always}</Line>
        <Line label={words.closed}>{format.month(closed, lang.value)}</Line>
        <Line label={words.class}>{words.classes[found.class]}</Line>
        {found.k > 0 && (
          <>
            <Line label={words.k}>{format.number(found.k, lang.value)}</Line>
            <Line label={words.finest}>{words.resolution(found.finest)}</Line>
          </>
        )}
        <Line label={words.release}>{found.release}</Line>
      </dl>
    </div>
  );
}

function Line({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** How much of it is told by cells of which size, the finest first. */
function Parts({ parts }: { parts: Explanation['parts'] }) {
  const words = t.value.why;
  return (
    <>
      <p class="label">{words.parts}</p>
      <ul class="parts">
        {parts.map(({ res, area_km2, share }) => (
          <li key={res}>
            <span class="part-bar" aria-hidden="true">
              <i style={{ width: `${share * 100}%` }} />
            </span>
            {words.part(format.measure(share, 'share', lang.value), format.measure(area_km2, 'km²', lang.value))}
          </li>
        ))}
      </ul>
    </>
  );
}
