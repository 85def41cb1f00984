// Importing a file: a dry run first, its report by row and column, then commit or cancel.
import { signal, useSignal } from '@preact/signals';
import { useEffect, useId, useRef } from 'preact/hooks';
import * as api from '../api/imports';
import type { ImportReport } from '../api/types';
import { change, lang, meta, report, spoken, t } from '../state/app';
import { map, padding } from '../state/commands';
import * as format from '../state/format';
import { refreshAfterWrite } from '../state/live';
import { Drawer, Failure, Select } from './controls';
import { Icon } from './icon';

const subjects = [
  'casework',
  'findings',
  'surveys',
  'village-status',
  'grids',
  'villages',
  'towns',
  'district',
] as const;
type Subject = (typeof subjects)[number];
const systems = ['', 'EPSG:4326', 'EPSG:4490', 'EPSG:4549', 'EPSG:4550', 'EPSG:3857', 'GCJ-02', 'BD-09'] as const;

type Step = { at: 'choose' } | { at: 'sending'; share: number } | { at: 'committing' } | { at: 'failed'; error: Error };

const now = signal<Step>({ at: 'choose' });
const subject = signal<Subject>('casework');
const system = signal<string>('');
const edition = signal('');
const file = signal<File | null>(null);
let upload: AbortController | null = null;

export default function ImportPanel() {
  const words = t.value.import;
  const current = now.value;
  return (
    <Drawer title={words.title} subtitle={words.subtitle} takesFocus onClose={() => change({ panel: null })}>
      {report.value === null ? <Choose /> : <Report report={report.value} />}
      {current.at === 'sending' && <Sending share={current.share} />}
      {current.at === 'committing' && (
        <p class="loading" role="status">
          <span class="spinner" aria-hidden="true" />
          {words.committing}
        </p>
      )}
      {current.at === 'failed' && (
        <Failure
          error={current.error}
          {...(report.value === null && file.value !== null && { retry: () => void send() })}
        />
      )}
    </Drawer>
  );
}

function Choose() {
  const words = t.value.import;
  const busy = now.value.at === 'sending';
  return (
    <form
      class="import"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <Drop />
      <Select<Subject>
        label={words.subject}
        value={subject.value}
        choices={subjects.map((value) => ({ value, label: words.subjects[value] }))}
        onChange={(value) => {
          subject.value = value;
        }}
      />
      <Select
        label={words.crs}
        value={system.value}
        choices={systems.map((value) => ({ value, label: words.systems[value] }))}
        onChange={(value) => {
          system.value = value;
        }}
      />
      {subject.value === 'grids' && <EditionName />}
      <p class="hint">{words.privacy}</p>
      <div class="actions">
        <button type="submit" class="button primary" disabled={file.value === null || busy}>
          {words.check}
        </button>
      </div>
    </form>
  );
}

/** Grids come as a new edition, which has a name; the file's own when none is given. */
function EditionName() {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{t.value.import.edition}</label>
      <input
        id={id}
        type="text"
        maxLength={80}
        placeholder={file.value?.name ?? ''}
        value={edition.value}
        onInput={(event) => {
          edition.value = event.currentTarget.value;
        }}
      />
    </div>
  );
}

/** Where a file is dropped or chosen. */
function Drop() {
  const id = useId();
  const over = useSignal(false);
  const words = t.value.import;
  const take = (list: FileList | null | undefined) => {
    const [first] = list ?? [];
    if (first) file.value = first;
    now.value = { at: 'choose' };
  };
  return (
    <label
      class={over.value ? 'drop over' : 'drop'}
      for={id}
      onDragOver={(event) => {
        event.preventDefault();
        over.value = true;
      }}
      onDragLeave={() => {
        over.value = false;
      }}
      onDrop={(event) => {
        event.preventDefault();
        over.value = false;
        take(event.dataTransfer?.files);
      }}
    >
      <Icon name="file" size={28} />
      <span>{file.value ? file.value.name : words.drop}</span>
      <small>{file.value ? words.size(file.value.size) : words.formats}</small>
      <input
        id={id}
        type="file"
        accept=".csv,.geojson,.json,.geojsonl,.geojsonseq,.zip,.gpkg,.kml,.kmz"
        onChange={(event) => take(event.currentTarget.files)}
      />
    </label>
  );
}

function Sending({ share }: { share: number }) {
  const id = useId();
  const words = t.value.import;
  return (
    <div class="sending">
      <label for={id}>{share < 1 ? words.uploading : words.checking}</label>
      <progress id={id} max={1} {...(share < 1 && { value: share })} />
      <button type="button" class="button small" onClick={() => upload?.abort()}>
        {words.cancel}
      </button>
    </div>
  );
}

async function send(): Promise<void> {
  if (file.value === null) return;
  upload = new AbortController();
  now.value = { at: 'sending', share: 0 };
  const choice = {
    subject: subject.value,
    crs: system.value,
    edition: subject.value === 'grids' ? edition.value.trim() : '',
  };
  const progress = (share: number) => {
    now.value = { at: 'sending', share };
  };
  try {
    report.value = await api.dryRun(file.value, choice, progress, upload.signal);
    now.value = { at: 'choose' };
    spoken.value = t.value.import.spoken(report.value.rows, report.value.accepted, report.value.rejected);
    if (report.value.extent) map.value?.fit(report.value.extent, padding(), 14);
  } catch (error) {
    now.value = (error as Error).name === 'AbortError' ? { at: 'choose' } : { at: 'failed', error: error as Error };
  }
}

function Report({ report: found }: { report: ImportReport }) {
  const words = t.value.import;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [found.id, found.committed]);
  const busy = now.value.at === 'committing';
  const stored = found.accepted > 0 && !found.refused;
  return (
    <section class="report">
      <h3 tabIndex={-1} ref={heading}>
        {found.committed ? words.committed : found.refused ? words.refused : words.dryRun}
      </h3>
      <p class="hint">
        {[found.file, words.subjects[found.subject as Subject], found.format, found.encoding, found.crs]
          .filter(Boolean)
          .join(' · ')}
      </p>
      {found.refused && (
        <p class="refusal" role="alert">
          {found.refusal?.[lang.value] ?? words.refused}
        </p>
      )}
      <Counts report={found} />
      <Findings report={found} />
      <div class="actions">
        {found.committed || !stored ? null : (
          <button type="button" class="button primary" disabled={busy} onClick={() => void commit(found)}>
            {words.commit(found.accepted)}
          </button>
        )}
        <button type="button" class="button" disabled={busy} onClick={() => void close(found)}>
          {found.committed ? words.another : words.cancel}
        </button>
      </div>
    </section>
  );
}

function Counts({ report: found }: { report: ImportReport }) {
  const words = t.value.import;
  const counts: [string, number][] = [
    [words.rows, found.rows],
    [words.accepted, found.accepted],
    [words.rejected, found.rejected],
    [words.duplicates, found.duplicates],
    [words.unchanged, found.unchanged],
  ];
  return (
    <dl class="tiles">
      {counts.map(([label, n]) => (
        <div key={label} class="figure">
          <dt>{label}</dt>
          <dd>{format.number(n, lang.value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Findings({ report: found }: { report: ImportReport }) {
  const words = t.value.import;
  const list = found.findings ?? [];
  if (list.length === 0) return <p class="nothing">{words.clean}</p>;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard (WCAG 2.1.1) */}
      <div class="scroll" tabIndex={0} role="group" aria-label={words.findings}>
        <table class="figures findings">
          <thead>
            <tr>
              <th scope="col">{words.row}</th>
              <th scope="col">{words.column}</th>
              <th scope="col">{words.value}</th>
              <th scope="col">{words.message}</th>
            </tr>
          </thead>
          <tbody>
            {list.map((f, i) => (
              <tr key={`${f.row}-${f.code}-${i}`} class={f.severity}>
                <td>{f.row || '—'}</td>
                <td>{f.column || '—'}</td>
                <td>
                  <code>{f.value}</code>
                </td>
                <td>
                  <span class="severity">{words.severities[f.severity]}</span> {f.message[lang.value]}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {found.findings_total > list.length && <p class="hint">{words.more(found.findings_total - list.length)}</p>}
    </>
  );
}

async function commit(found: ImportReport): Promise<void> {
  now.value = { at: 'committing' };
  try {
    report.value = await api.commit(found.id);
    now.value = { at: 'choose' };
    spoken.value = t.value.import.committed;
    refreshAfterWrite(meta.value?.layers.map((l) => l.id) ?? []);
  } catch (error) {
    now.value = { at: 'failed', error: error as Error };
  }
}

/** Drops a dry run on the server too; a commit has nothing left to drop. */
async function close(found: ImportReport): Promise<void> {
  report.value = null;
  file.value = null;
  now.value = { at: 'choose' };
  if (!found.committed) await api.cancel(found.id).catch(() => undefined); // it expires by itself
}
