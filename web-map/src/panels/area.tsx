// The figures of one unit: a town, village, grid or cell.
import { useEffect } from 'preact/hooks';
import type { Unit } from '../api/types';
import { address, area, groundOnly, spoken, t } from '../state/app';
import { map, padding } from '../state/commands';
import { latest } from '../state/resource';
import { Drawer, Failure, Loading } from './controls';
import { ExportButton } from './export';
import { closeSelection, Figures, GroundOnly, StatusChip, Window, windowFilter } from './here';
import { RiskView } from './risk';
import { Why } from './why';

function Known({ unit }: { unit: Unit }) {
  return (
    <>
      <RiskView risk={unit.risk} heading={t.value.risk.title} />
      <section>
        <h3>{t.value.here.figures}</h3>
        <Window />
        <Figures unit={unit} />
        {unit.level !== 'none' && (
          <div class="actions">
            <Why level={unit.level} code={unit.code} name={unit.name || unit.code} filter={windowFilter()} />
            <ExportButton table={unit.level} />
          </div>
        )}
      </section>
    </>
  );
}

export function AreaPanel() {
  const loaded = area.loaded.value;
  const found = latest(loaded);
  useEffect(() => {
    if (loaded.state === 'ready') spoken.value = loaded.value.name;
  }, [loaded]);
  const selection = address.value.selection;
  const level = selection?.type === 'area' ? t.value.levels[selection.level] : '';
  const subtitle = found ? [level, found.town, found.code].filter(Boolean).join(' · ') : level;
  return (
    <Drawer title={found?.name || t.value.here.title} subtitle={subtitle} onClose={closeSelection}>
      {loaded.state === 'failed' && <Failure error={loaded.error} retry={area.reload} />}
      {loaded.state === 'loading' && found === undefined && <Loading />}
      {found && (
        <>
          <p class="finding-state">
            <StatusChip unit={found} />
            <button type="button" class="button small" onClick={() => map.value?.fit(found.bbox, padding())}>
              {t.value.here.zoomTo}
            </button>
          </p>
          {groundOnly.value ? <GroundOnly /> : <Known unit={found} />}
        </>
      )}
    </Drawer>
  );
}
