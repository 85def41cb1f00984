// What is printed of two results that are compared: what they share is said once, the rest by side.
import type { Legend, Section } from '../map/print-layout';
import type { Caption, PairSheet } from '../map/print-pair';
import {
  type ClassKey,
  classesOf,
  factLines,
  gradientOf,
  keysIn,
  legendTitleOf,
  methodLines,
  noteLines,
  owedLine,
  type Printed,
  runLine,
  subtitleOf,
  symbolsOf,
} from './print';

/** The page without its two maps; both are printed in the same language, by the same person, at the same time. */
export function pairSheetOf(left: Printed, right: Printed): PairSheet {
  const { lang, t } = left;
  const words = t.print;
  const titles = new Set([left, right].map(({ result }) => result.title[lang]));
  const caption = (side: (what: string) => string, of: Printed): Caption => ({
    title: side(of.result.title[lang]),
    subtitle: subtitleOf(of),
  });
  const bySide = (title: string, a: readonly string[], b: readonly string[]): Section[] => [
    { title: words.left(title), lines: a },
    { title: words.right(title), lines: b },
  ];
  const sharedFirst = (title: string, a: readonly string[], b: readonly string[]): Section[] => [
    { title, lines: a.filter((line) => b.includes(line)) },
    ...bySide(
      title,
      a.filter((line) => !b.includes(line)),
      b.filter((line) => !a.includes(line)),
    ),
  ];
  return {
    title: words.compared([...titles].join(' / ')),
    subtitle: words.sameGround,
    flag: left.result.synthetic || right.result.synthetic ? t.syntheticShort : null,
    captions: [caption(words.left, left), caption(words.right, right)],
    legends: legendsOf(left, right),
    sections: [
      ...bySide(t.analysis.facts, factLines(left), factLines(right)),
      ...sharedFirst(t.analysis.sure, noteLines(left), noteLines(right)),
      ...sharedFirst(t.analysis.method, methodLines(left, true), methodLines(right, true)).map(inFine),
    ],
    footer: [owedLine(left), words.left(runLine(left)), words.right(runLine(right))],
  };
}

const inFine = (section: Section): Section => ({ ...section, fine: true });

/** One legend with the counts of both where the classes are the very same; else one for each side, and the symbols of findings. */
function legendsOf(left: Printed, right: Printed): Legend[] {
  const { legend: words } = left.t;
  const { bothCounts, left: leftOf, right: rightOf } = left.t.print;
  const symbols = symbolsOf(left);
  const [a, b] = [classesOf(left), classesOf(right)];
  if (left.result.surface === undefined && right.result.surface === undefined && same(a, b))
    return [{ legendTitle: bothCounts(words.title), keys: [...keysIn(merged(a, b)), ...symbols], gradient: null }];
  return [
    legendOf(left, leftOf, a),
    legendOf(right, rightOf, b),
    { legendTitle: words.title, keys: symbols, gradient: null },
  ];
}

/** The legend of one side; a surface covers the classes. */
const legendOf = (of: Printed, side: (what: string) => string, classes: readonly ClassKey[]): Legend => ({
  legendTitle: side(legendTitleOf(of)),
  keys: of.result.surface === undefined ? keysIn(classes) : [],
  gradient: gradientOf(of),
});

const same = (a: readonly ClassKey[], b: readonly ClassKey[]): boolean =>
  a.length === b.length && a.every((one, i) => looksOf(one) === looksOf(b[i]));

/** All of a class but how many units are in it. */
const looksOf = (of: ClassKey | undefined): string =>
  JSON.stringify([of?.id, of?.key.label, of?.key.color, of?.key.pattern]);

const merged = (a: readonly ClassKey[], b: readonly ClassKey[]): ClassKey[] =>
  a.map(({ id, n, key }, i) => ({
    id,
    n: n + (b[i]?.n ?? 0),
    key: { ...key, count: `${key.count} · ${b[i]?.key.count}` },
  }));
