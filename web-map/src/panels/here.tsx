// "What is here": everything known of one place.
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Here, Level, Unit, Value } from '../api/types';
import { address, change, here, lang, meta, spoken, t } from '../state/app';
import * as format from '../state/format';
import { latest } from '../state/resource';
import { Drawer, Failure, Loading } from './controls';
import { RiskView } from './risk';

export const closeSelection = () => change({ selection: null });

export function HerePanel() {
  const loaded = here.loaded.value;
  const found = latest(loaded);
  const title = found ? headline(found) : t.value.here.title;
  useEffect(() => {
    if (loaded.state === 'ready') spoken.value = summary(loaded.value);
  }, [loaded]);
  const at = address.value.selection;
  const place = at?.type === 'point' ? format.place(at.lon, at.lat) : undefined;
  return (
    <Drawer title={title} subtitle={place} onClose={closeSelection}>
      {loaded.state === 'failed' && <Failure error={loaded.error} retry={here.reload} />}
      {loaded.state === 'loading' && found === undefined && <Loading />}
      {found && (found.inside ? <Found found={found} /> : <p class="nothing">{t.value.here.outside}</p>)}
    </Drawer>
  );
}

const headline = (found: Here): string =>
  found.village?.name ??
  found.grid?.name ??
  found.town?.name ??
  (found.inside ? t.value.here.title : t.value.here.outsideTitle);

function summary(found: Here): string {
  if (!found.inside) return t.value.here.outside;
  return [found.town?.name, found.village?.name, found.grid?.name].filter(Boolean).join(', ');
}

function Found({ found }: { found: Here }) {
  const words = t.value.here;
  return (
    <>
      <dl class="places">
        {found.town && <Place label={words.town} name={found.town.name} level="towns" code={found.town.code} />}
        {found.village && (
          <Place label={words.village} name={found.village.name} level="villages" code={found.village.code}>
            <StatusChip unit={found.village} />
          </Place>
        )}
        {found.grid && <Place label={words.grid} name={found.grid.name} level="grids" code={found.grid.code} />}
        {found.cell && (
          <Place label={words.cell(found.cell.res ?? 8)} name={found.cell.code} level="cells" code={found.cell.code} />
        )}
      </dl>
      {found.grid && (
        <>
          <RiskView risk={found.grid.risk} heading={words.gridRisk} />
          <section>
            <h3>{words.gridFigures}</h3>
            <Window />
            <Figures unit={found.grid} />
          </section>
        </>
      )}
      {found.cell && <CellFigures cell={found.cell} />}
    </>
  );
}

function Place(props: {
  label: string;
  name: string;
  level: Exclude<Level, 'none'>;
  code: string;
  children?: ComponentChildren;
}) {
  return (
    <div>
      <dt>{props.label}</dt>
      <dd>
        <button
          type="button"
          class="link"
          onClick={() => change({ selection: { type: 'area', level: props.level, code: props.code } })}
        >
          {props.name}
        </button>
        {props.children}
      </dd>
    </div>
  );
}

/** The standing of a village, with its colour of the map. */
export function StatusChip({ unit }: { unit: Unit }) {
  if (!unit.status) return null;
  const color = meta.value?.statuses.find((s) => s.id === unit.status)?.color ?? 'transparent';
  return (
    <span class="chip-static">
      <i style={{ background: color }} aria-hidden="true" />
      {unit.status_title?.[lang.value] ?? unit.status}
    </span>
  );
}

function CellFigures({ cell }: { cell: Unit }) {
  return (
    <details class="fold">
      <summary>{t.value.here.cellFigures}</summary>
      <Figures unit={cell} />
      <RiskView risk={cell.risk} heading={t.value.here.cellRisk} />
    </details>
  );
}

const count = (n: number): Value => (n === 0 ? { state: 'zero' } : { state: 'number', n });

/** The figures of one unit. */
export function Figures({ unit }: { unit: Unit }) {
  const words = t.value.here;
  return (
    <dl class="tiles">
      <Figure label={words.cases} value={unit.cases} unit="" />
      <Figure label={words.density} value={unit.density} unit="/km²" />
      <Figure label={words.findingsOpen} value={count(unit.findings_open)} unit="" />
      <Figure label={words.findingsConfirmed} value={count(unit.findings_confirmed)} unit="" />
      <Figure label={words.survey} value={unit.survey_completion} unit="%" />
      {unit.level !== 'villages' && <Figure label={words.certified} value={unit.certified_share} unit="%" />}
      <Figure label={words.area} value={{ state: 'number', n: unit.area_km2 }} unit="km²" />
    </dl>
  );
}

/** One figure; a value that is not a number is spelled out and set apart by its look. */
export function Figure({ label, value, unit }: { label: string; value: Value; unit: string }) {
  return (
    <div class={`figure figure-${value.state}`}>
      <dt>{label}</dt>
      <dd>{format.value(value, unit, t.value, lang.value, meta.value?.k ?? 3)}</dd>
    </div>
  );
}

/** The months whose casework the figures count. */
export function Window() {
  const risk = meta.value?.risk;
  if (risk === undefined) return null;
  return <p class="hint">{t.value.here.period(format.period(risk.window_from, risk.window_to, lang.value))}</p>;
}
