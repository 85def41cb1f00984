// A composite risk value, explained by its parts.

import type { Part, Risk } from '../api/types';
import { lang, meta, t } from '../state/app';
import * as format from '../state/format';
import { ValueText } from './value';

/** The value, a bar stacked of the points of its parts, and a table of what each part is made of. */
export function RiskView({ risk, heading }: { risk: Risk; heading: string }) {
  const { parts } = risk;
  if (risk.value.state === 'nodata' && parts.length === 0) return null; // not for whoever reads
  return (
    <section class="risk">
      <h3>{heading}</h3>
      <p class="risk-value">
        <strong>
          <ValueText value={risk.value} unit="" />
        </strong>
        {risk.value.state === 'number' && <span>{t.value.risk.ofHundred}</span>}
      </p>
      {parts.length > 0 && (
        <>
          <Bar parts={parts} />
          <Parts parts={parts} />
        </>
      )}
      {meta.value?.risk && (
        <p class="hint">
          {t.value.risk.basis(
            meta.value.risk.version,
            format.period(meta.value.risk.window_from, meta.value.risk.window_to, lang.value),
          )}
        </p>
      )}
    </section>
  );
}

function Bar({ parts }: { parts: Part[] }) {
  const text = parts.map((p) => `${p.title[lang.value]} ${format.number(p.contribution, lang.value)}`).join(', ');
  return (
    <div class="risk-bar" role="img" aria-label={t.value.risk.bar(text)}>
      {parts.map((part, i) => (
        <span
          key={part.factor}
          class={`part part-${i % 6}`}
          style={{ width: `${Math.max(0, Math.min(100, part.contribution))}%` }}
        />
      ))}
    </div>
  );
}

function Parts({ parts }: { parts: Part[] }) {
  const words = t.value.risk;
  const n = (value: number) => format.number(value, lang.value);
  return (
    <table class="figures">
      <thead>
        <tr>
          <th scope="col">{words.factor}</th>
          <th scope="col">{words.raw}</th>
          <th scope="col">{words.normalised}</th>
          <th scope="col">{words.weight}</th>
          <th scope="col">{words.points}</th>
        </tr>
      </thead>
      <tbody>
        {parts.map((part, i) => (
          <tr key={part.factor}>
            <th scope="row">
              <i class={`key part-${i % 6}`} aria-hidden="true" />
              {part.title[lang.value]}
              {part.note?.[lang.value] && <small>{part.note[lang.value]}</small>}
            </th>
            <td>
              <ValueText value={part.raw} unit={part.unit} />
            </td>
            <td>{part.normalised === null ? '—' : n(part.normalised)}</td>
            <td>{n(part.weight)}</td>
            <td>{n(part.contribution)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
