// "What is here": everything known of one place.
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import type { Here, Level, Unit, Value } from '../api/types';
import type { CaseFilter } from '../api/wangge';
import { address, caseFilter, change, groundOnly, here, lang, meta, spoken, t } from '../state/app';
import * as format from '../state/format';
import { latest } from '../state/resource';
import { Drawer, Failure, Loading } from './controls';
import { RiskView } from './risk';
import { ValueText } from './value';
import { Why } from './why';

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
      {groundOnly.value && <GroundOnly />}
      {found.grid && !groundOnly.value && (
        <>
          <RiskView risk={found.grid.risk} heading={words.gridRisk} />
          <section>
            <h3>{words.gridFigures}</h3>
            <Window />
            <Figures unit={found.grid} />
            <Why level="grids" code={found.grid.code} name={found.grid.name} filter={windowFilter()} />
          </section>
        </>
      )}
      {found.cell && !groundOnly.value && <CellFigures cell={found.cell} />}
      {!groundOnly.value && <WhyBlank found={found} />}
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

/** Why there is or is not casework here in the chosen period: for the cell of the heat, else for the smallest unit. */
function WhyBlank({ found }: { found: Here }) {
  const heat = address.value.show.includes('heat');
  const units = [found.village, found.town].filter((unit) => unit !== undefined);
  const unit = heat ? (found.cell ?? found.grid ?? units[0]) : found.grid ? undefined : (units[0] ?? found.cell);
  if (unit === undefined || unit.level === 'none') return null;
  const words = t.value.here;
  return (
    <section class="why-blank">
      <h3>{heat ? t.value.legend.heat : words.cases}</h3>
      <Why
        level={unit.level}
        code={unit.code}
        name={unit.name || words.cellNamed(unit.code)}
        filter={heat ? caseFilter.value : windowFilter()}
      />
    </section>
  );
}

function CellFigures({ cell }: { cell: Unit }) {
  return (
    <details class="fold">
      <summary>{t.value.here.cellFigures}</summary>
      <Figures unit={cell} />
      <Why level="cells" code={cell.code} name={t.value.here.cellNamed(cell.code)} filter={windowFilter()} />
      <RiskView risk={cell.risk} heading={t.value.here.cellRisk} />
    </details>
  );
}

/** What stands in for the figures of whoever sees the territory alone. */
export function GroundOnly() {
  return <p class="notice">{t.value.here.groundOnly}</p>;
}

/** The figures of one unit. */
export function Figures({ unit }: { unit: Unit }) {
  const words = t.value.here;
  return (
    <dl class="tiles">
      <Figure label={words.cases} value={unit.cases} unit="" />
      <Figure label={words.density} value={format.densityOf(unit.cases, unit.density)} unit="/km²" />
      {counted(unit) && (
        <>
          <Figure label={words.findingsOpen} value={unit.findings_open} unit="" some />
          <Figure label={words.findingsConfirmed} value={unit.findings_confirmed} unit="" some />
        </>
      )}
      <Figure label={words.survey} value={unit.survey_completion} unit="%" />
      {unit.level !== 'villages' && <Figure label={words.certified} value={unit.certified_share} unit="%" />}
      <Figure label={words.area} value={{ state: 'number', n: unit.area_km2 }} unit="km²" />
    </dl>
  );
}

/** Whether findings are counted in the unit for whoever reads. */
const counted = (unit: Unit): boolean => unit.findings_open.state !== 'nodata';

/** One figure; a value that is not a number is spelled out and set apart by its look. */
function Figure({ label, value, unit, some = false }: { label: string; value: Value; unit: string; some?: boolean }) {
  return (
    <div class={`figure figure-${value.state}`}>
      <dt>{label}</dt>
      <dd>
        <ValueText value={value} unit={unit} some={some} />
      </dd>
    </div>
  );
}

/** The casework that the figures count. */
export function windowFilter(): CaseFilter {
  const risk = meta.value?.risk;
  return { from: risk?.window_from, to: risk?.window_to, kinds: [] };
}

/** The months whose casework the figures count. */
export function Window() {
  const risk = meta.value?.risk;
  if (risk === undefined) return null;
  return <p class="hint">{t.value.here.period(format.period(risk.window_from, risk.window_to, lang.value))}</p>;
}
