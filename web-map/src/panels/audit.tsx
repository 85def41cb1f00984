// Who did and saw what: the audit log.
import { signal, useSignal } from '@preact/signals';
import { useEffect, useId } from 'preact/hooks';
import { rows as ask, csvPath } from '../api/audit';
import type { AuditRow } from '../api/types';
import { type AuditFilter, auditQuery, noFilter } from '../state/accounts';
import { change, lang, spoken, t } from '../state/app';
import * as format from '../state/format';
import { pages } from '../state/pages';
import { may, wantSignInfo } from '../state/session';
import { type Choice, Drawer, Failure, Loading, Select } from './controls';
import { DownloadButton } from './export';
import { TextField } from './fields';
import { Icon } from './icon';
import { purposeTitle } from './purpose';
import { roleTitle } from './view-as';

const log = pages(ask);
const filter = signal<AuditFilter>(noFilter); // as asked for

export default function AuditPage() {
  useEffect(() => {
    wantSignInfo();
    log.begin(auditQuery(filter.value));
  }, []);
  const words = t.value.audit;
  const { rows, loading, fault, more } = log;
  const count = rows.value.length;
  useEffect(() => {
    if (!loading.value && fault.value === null) spoken.value = words.found(count);
  }, [loading.value, count]);
  return (
    <Drawer page title={words.title} subtitle={words.subtitle} takesFocus onClose={() => change({ panel: null })}>
      <FilterForm />
      {count > 0 && <Table rows={rows.value} />}
      {fault.value && <Failure error={fault.value} retry={log.retry} />}
      {loading.value && <Loading />}
      {!loading.value && fault.value === null && count === 0 && <p class="nothing">{words.nothing}</p>}
      <div class="actions">
        {more.value && !loading.value && (
          <button type="button" class="button" onClick={log.older}>
            {words.older}
          </button>
        )}
        {!more.value && !loading.value && count > 0 && <p class="hint">{words.end}</p>}
      </div>
    </Drawer>
  );
}

function FilterForm() {
  const words = t.value.audit;
  const typed = useSignal(filter.value);
  const apply = (next: AuditFilter) => {
    filter.value = typed.value = next;
    log.begin(auditQuery(next));
  };
  const set = (part: Partial<AuditFilter>) => {
    typed.value = { ...typed.value, ...part };
  };
  const field = (name: 'from' | 'to' | 'actor', type: 'date' | 'search') => (
    <TextField type={type} label={words[name]} value={typed.value[name]} onInput={(text) => set({ [name]: text })} />
  );
  return (
    <form
      class="filter"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        apply(typed.value);
      }}
    >
      {field('from', 'date')}
      {field('to', 'date')}
      {field('actor', 'search')}
      <Select
        label={words.action}
        value={typed.value.action}
        choices={choicesOf(words.actions, words.any)}
        onChange={(action) => set({ action })}
      />
      <Select
        label={words.subject}
        value={typed.value.subject}
        choices={choicesOf(words.subjects, words.any)}
        onChange={(subject) => set({ subject })}
      />
      <div class="actions">
        <button type="submit" class="button primary">
          {words.apply}
        </button>
        <button type="button" class="button" onClick={() => apply(noFilter)}>
          {words.clear}
        </button>
        {may('export') && (
          <DownloadButton
            what={t.value.export.what.audit}
            name="audit"
            path={(purpose) => csvPath(auditQuery(filter.value), purpose)}
          />
        )}
      </div>
    </form>
  );
}

/** All words of a kind, after the one for any. */
function choicesOf<T extends string>(words: Record<T, string>, any: string): Choice<T | ''>[] {
  const all = Object.entries(words) as [T, string][];
  return [{ value: '', label: any }, ...all.map(([value, label]) => ({ value, label }))];
}

function Table({ rows }: { rows: readonly AuditRow[] }) {
  const words = t.value.audit;
  return (
    <table class="figures log">
      <thead>
        <tr>
          <th scope="col">{words.time}</th>
          <th scope="col">{words.actor}</th>
          <th scope="col">{words.action}</th>
          <th scope="col">{words.subject}</th>
          <th scope="col">{words.purpose}</th>
          <th scope="col">
            <span class="hidden">{words.detail}</span>
          </th>
        </tr>
      </thead>
      {rows.map((row) => (
        <Entry key={row.seq} row={row} />
      ))}
    </table>
  );
}

/** A row has several roles as "a+b". */
const roles = (text: string): string => text.split('+').filter(Boolean).map(roleTitle).join(' + ');

function Entry({ row }: { row: AuditRow }) {
  const id = useId();
  const open = useSignal(false);
  const words = t.value.audit;
  return (
    <tbody class={open.value ? 'open' : ''}>
      <tr>
        <td data-label={words.time}>{format.instant(row.at, lang.value, 'medium')}</td>
        <td data-label={words.actor}>
          {words.system[row.way === 'server' || row.way === 'command-line' ? row.actor : ''] ?? row.actor}
          {row.role && <small>{roles(row.role)}</small>}
        </td>
        <td data-label={words.action}>{words.actions[row.action] ?? <code>{row.action}</code>}</td>
        <td data-label={words.subject}>{row.subject ? (words.subjects[row.subject] ?? row.subject) : '—'}</td>
        <td data-label={words.purpose}>{purposeTitle(row.purpose) || '—'}</td>
        <td>
          <button
            type="button"
            class="expand"
            aria-expanded={open.value}
            aria-controls={id}
            aria-label={words.open(row.seq)}
            onClick={() => {
              open.value = !open.value;
            }}
          >
            <Icon name={open.value ? 'minus' : 'plus'} size={16} />
          </button>
        </td>
      </tr>
      <tr id={id} hidden={!open.value}>
        <td colSpan={6}>{open.value && <Detail row={row} />}</td>
      </tr>
    </tbody>
  );
}

const hasDetail = (detail: unknown): boolean =>
  typeof detail === 'object' && detail !== null && Object.keys(detail).length > 0;

function Detail({ row }: { row: AuditRow }) {
  const words = t.value.audit;
  const lines: [string, string][] = [
    [words.seq, String(row.seq)],
    [words.code, row.action],
    [words.way, words.ways[row.way] ?? row.way],
    [words.behind, row.behind],
    [words.address, row.address],
  ];
  return (
    <div class="log-detail">
      <dl class="places">
        {lines.map(([label, text]) =>
          text ? (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{text}</dd>
            </div>
          ) : null,
        )}
      </dl>
      {hasDetail(row.detail) && <pre>{JSON.stringify(row.detail, null, 2)}</pre>}
    </div>
  );
}
