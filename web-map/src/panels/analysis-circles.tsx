// The clusters of a scan, ranked as their circles on the map are.
import type { AnalysisCircle } from '../api/types';
import { circleRing } from '../map/analysis';
import { figure } from '../state/analysis-table';
import { lang, t } from '../state/app';
import { map, padding } from '../state/commands';
import * as format from '../state/format';

const distance = (m: number): string =>
  m < 1000 ? format.measure(Math.round(m), 'm', lang.value) : format.measure(m / 1000, 'km', lang.value);

/** Brings a circle into view. */
function show({ lon, lat, radius_m }: AnalysisCircle): void {
  const ring = circleRing(lon, lat, Math.max(radius_m, 500), 16);
  const [lons, lats] = [ring.map(([x]) => x), ring.map(([, y]) => y)];
  map.value?.fit([Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)], padding());
}

export function Circles({ circles }: { circles: AnalysisCircle[] }) {
  const words = t.value.analysis;
  return (
    <section>
      <h3>{words.circles}</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard (WCAG 2.1.1) */}
      <div class="ranking-box" tabIndex={0} role="group" aria-label={words.circles}>
        <table class="figures">
          <thead>
            <tr>
              <th scope="col">{words.circle.rank}</th>
              <th scope="col">{words.circle.place}</th>
              <th scope="col" class="number">
                {words.circle.observed}
              </th>
              <th scope="col" class="number">
                {words.circle.expected}
              </th>
              <th scope="col" class="number">
                {words.circle.ratio}
              </th>
              <th scope="col" class="number">
                {words.circle.p}
              </th>
            </tr>
          </thead>
          <tbody>
            {circles.map((circle) => (
              <Row key={circle.rank} circle={circle} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ circle }: { circle: AnalysisCircle }) {
  const words = t.value.analysis.circle;
  const { rank, certain, from, to, codes } = circle;
  const n = (value: number | null, decimals: number) => figure(value, '', decimals, lang.value);
  return (
    <tr>
      <th scope="row">
        <span class={certain ? 'rank' : 'rank dashed'}>{rank}</span>
      </th>
      <td>
        <button type="button" class="link" onClick={() => show(circle)}>
          {circle.radius_m > 0 ? words.radius(distance(circle.radius_m), codes.length) : words.single}
        </button>
        {from !== undefined && from !== '' && (
          <small class="line">{format.period(from.slice(0, 7), (to ?? from).slice(0, 7), lang.value)}</small>
        )}
        <small class="line">{certain ? words.certain : words.uncertain}</small>
      </td>
      <td class="number">{format.number(circle.observed, lang.value)}</td>
      <td class="number">{n(circle.expected, 1)}</td>
      <td class="number">{n(circle.ratio, 2)}</td>
      <td class="number">{n(circle.p, 3)}</td>
    </tr>
  );
}
