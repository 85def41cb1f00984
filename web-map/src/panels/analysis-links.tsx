// Who is whose neighbour: the switch that draws it, and the weights in words.
import type { ComponentChildren } from 'preact';
import type { AnalysisResult } from '../api/types';
import { hasLinks, linksShown, type Neighbourhood, neighbourhoodOf } from '../state/analysis-links';
import { lang, t } from '../state/app';
import * as format from '../state/format';
import { Switch } from './controls';

/** Draws the neighbours on the map, or takes them off. */
export function LinksSwitch({ result }: { result: AnalysisResult }) {
  if (!hasLinks(result)) return null;
  return (
    <Switch
      label={t.value.analysis.links.show}
      on={linksShown.value}
      onChange={(on) => {
        linksShown.value = on;
      }}
    />
  );
}

const metres = (m: number): string => format.measure(m, 'm', lang.value);

/** What the weights are, in one line. */
function summary({ spec }: Neighbourhood): string {
  const words = t.value.analysis;
  const { kind, order = 1, cumulative = false, k, band_m, snap_m, isolates, bridges } = spec;
  return [
    words.choices['weights.kind']?.[kind] ?? kind,
    k !== undefined && words.links.k(k),
    band_m !== undefined && words.links.within(metres(band_m)),
    order > 1 && words.links.order(order, cumulative),
    snap_m !== undefined && words.links.snap(metres(snap_m)),
    isolates === 'link' && words.choices['weights.isolates']?.link,
    bridges !== undefined && bridges.length > 0 && words.links.bridges(bridges.length),
  ]
    .filter(Boolean)
    .join(' · ');
}

/** The weights of a result: their kind, how many links, who has none, and the hash that names them. */
export function Neighbourhoods({ result }: { result: AnalysisResult }) {
  const words = t.value.analysis;
  const is = neighbourhoodOf(result);
  if (is === null) return null;
  return (
    <section class="neighbourhoods">
      <h3>{words.links.title}</h3>
      <LinksSwitch result={result} />
      <dl class="places">
        <Line label={words.options['weights.kind']}>{summary(is)}</Line>
        <Line label={words.links.count}>
          {is.links === null ? words.links.tooMany : format.number(is.links, lang.value)}
        </Line>
        <Line label={words.links.isolates}>{format.number(is.isolates, lang.value)}</Line>
        <Line label={words.meta.weights}>
          <code>{is.hash}</code>
        </Line>
      </dl>
      {hasLinks(result) && <p class="hint">{words.links.hint}</p>}
    </section>
  );
}

const Line = ({ label, children }: { label: string; children: ComponentChildren }) => (
  <div>
    <dt>{label}</dt>
    <dd>{children}</dd>
  </div>
);
