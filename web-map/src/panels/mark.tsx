// Marking a finding: a point or the outline of a plot, sent with an id of our own so that sending it twice is safe.
import { signal } from '@preact/signals';
import { useEffect, useId } from 'preact/hooks';
import { Away, Problem } from '../api/http';
import * as api from '../api/wangge';
import { overlays } from '../state/address';
import { address, change, lang, meta, sentence, spoken, t, toast } from '../state/app';
import { map } from '../state/commands';
import { areaM2, bodyOf, type Draft, fault, finish, reshape, type Shape, tap, untap } from '../state/draft';
import { draft, startDraft, step } from '../state/draft-store';
import * as format from '../state/format';
import { refreshAfterWrite } from '../state/live';
import { uuid } from '../state/uuid';
import { Drawer, Segmented, Select } from './controls';
import { Icon } from './icon';

const sending = signal(false);
const trouble = signal<string | null>(null);

export default function MarkPanel() {
  useEffect(() => {
    startDraft();
    map.value?.focus();
  }, []);
  const current = draft.value;
  return (
    <Drawer title={t.value.mark.title} onClose={() => change({ panel: null })}>
      {current && <Form draft={current} />}
    </Drawer>
  );
}

function Form({ draft: current }: { draft: Draft }) {
  const words = t.value.mark;
  const patch = (fields: Partial<Draft>) => step((d) => ({ ...d, ...fields }));
  const choices = (list: { id: string; title: { zh: string; en: string } }[] | undefined) =>
    (list ?? []).map(({ id, title }) => ({ value: id, label: title[lang.value] }));
  return (
    <form
      class="mark"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <Segmented<Shape>
        label={words.shape}
        value={current.shape}
        choices={[
          { value: 'point', label: words.point },
          { value: 'plot', label: words.plot },
        ]}
        onChange={(shape) => step((d) => reshape(d, shape))}
      />
      <Place draft={current} />
      <Select
        label={words.kind}
        value={current.kind}
        choices={choices(meta.value?.finding_kinds)}
        onChange={(kind) => patch({ kind })}
      />
      <p class="label">{t.value.finding.confidence}</p>
      <Segmented
        label={t.value.finding.confidence}
        value={String(current.confidence)}
        choices={words.confidences.map((label, i) => ({ value: String(i + 1), label }))}
        onChange={(value) => patch({ confidence: Number(value) })}
      />
      <Select
        label={t.value.finding.source}
        value={current.source}
        choices={choices(meta.value?.finding_sources)}
        onChange={(source) => patch({ source })}
      />
      <SeenAt draft={current} patch={patch} />
      {trouble.value && (
        <div class="failure" role="alert">
          <Icon name="warning" />
          <p>{trouble.value}</p>
        </div>
      )}
      <div class="actions">
        <button type="submit" class="button primary" disabled={sending.value || fault(current) !== null}>
          {sending.value ? words.sending : trouble.value ? t.value.retry : words.send}
        </button>
        <button type="button" class="button" onClick={discard}>
          {words.discard}
        </button>
      </div>
    </form>
  );
}

/** What is drawn so far, and how to go on. */
function Place({ draft: current }: { draft: Draft }) {
  const words = t.value.mark;
  const plot = current.shape === 'plot';
  const wrong = fault(current);
  const [first] = current.corners;
  return (
    <div class="draft">
      <p class="hint">{plot ? words.howPlot : words.howPoint}</p>
      <p class="draft-state" role="status">
        {plot
          ? `${words.corners(current.corners.length)}${current.corners.length > 2 ? ` · ${format.area(areaM2(current.corners), lang.value)}` : ''}`
          : first
            ? format.place(...first)
            : words.faults['no-place']}
        {plot && current.finished && ` · ${words.finished}`}
      </p>
      {plot && wrong && wrong !== 'no-place' && current.corners.length > 2 && <p class="bad">{words.faults[wrong]}</p>}
      <div class="actions">
        <button type="button" class="button small" onClick={() => map.value && tapCentre(map.value.centre())}>
          {plot ? words.cornerHere : words.pointHere}
        </button>
        {plot && (
          <>
            <button
              type="button"
              class="button small"
              disabled={current.corners.length === 0}
              onClick={() => step(untap)}
            >
              <Icon name="undo" size={14} /> {words.undoCorner}
            </button>
            <button
              type="button"
              class="button small"
              disabled={wrong !== null || current.finished}
              onClick={() => step(finish)}
            >
              <Icon name="check" size={14} /> {words.finish}
            </button>
          </>
        )}
      </div>
    </div>
  );
}

const tapCentre = (at: [number, number]) => step((d) => tap(d, at));

function SeenAt({ draft: current, patch }: { draft: Draft; patch: (fields: Partial<Draft>) => void }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{t.value.finding.seenAt}</label>
      <input
        id={id}
        type="datetime-local"
        required
        value={format.clockText(current.seenAt)}
        onChange={(event) => {
          const seenAt = format.fromClockText(event.currentTarget.value);
          if (seenAt !== null) patch({ seenAt });
        }}
      />
    </div>
  );
}

/** Throws the draft away and closes the panel. */
function discard(): void {
  draft.value = null;
  trouble.value = null;
  change({ panel: null });
}

/** Sends the draft; whatever goes wrong, the draft stays. */
async function send(): Promise<void> {
  const body = draft.value && bodyOf(draft.value);
  if (body === null || sending.value) return;
  sending.value = true;
  trouble.value = null;
  try {
    await api.mark(body);
    discard();
    change({ show: overlays.filter((o) => o === 'findings' || address.value.show.includes(o)) });
    refreshFindings();
    spoken.value = t.value.mark.stored;
    toast.value = { text: t.value.mark.stored, action: { label: t.value.undo, run: () => void takeBack(body.id) } };
  } catch (error) {
    trouble.value = explain(error as Error);
  } finally {
    sending.value = false;
  }
}

function explain(error: Error): string {
  if (error instanceof Away) return t.value.mark.away;
  if (error instanceof Problem && error.status === 409) {
    step((d) => ({ ...d, id: uuid() })); // an earlier attempt did arrive, and the draft was changed since
    return t.value.mark.conflict;
  }
  return error.message;
}

/** Undo: withdraws the mark that was just stored. */
async function takeBack(id: string): Promise<void> {
  try {
    await api.withdraw(id);
    toast.value = { text: t.value.mark.withdrawn };
    refreshFindings();
  } catch (error) {
    toast.value = { text: sentence(error as Error), action: { label: t.value.retry, run: () => void takeBack(id) } };
  }
}

const refreshFindings = () => refreshAfterWrite(['findings']);
