import { describe, expect, it } from 'vitest';
import { en } from '../src/i18n/en';
import { zh } from '../src/i18n/zh';

/** Every text of a dictionary with its path; texts made by a function are made with example arguments. */
function texts(entry: unknown, path = ''): [string, string][] {
  if (typeof entry === 'string') return [[path, entry]];
  if (typeof entry === 'function') return [[path, String(entry(7, 8, 9))]];
  return Object.entries(entry as object).flatMap(([key, value]) => texts(value, `${path}/${key}`));
}

const both =
  /^\/(brand|synthetic|mark\/confidences|help\/keys)|^\/import\/(formats|size)|^\/risk\/ofHundred|^\/tools\/other/;

describe('the dictionaries', () => {
  const [chinese, english] = [new Map(texts(zh)), new Map(texts(en))];

  it('have the same keys', () => {
    expect([...english.keys()]).toEqual([...chinese.keys()]);
    expect(chinese.size).toBeGreaterThan(150);
  });

  it('leave nothing empty', () => {
    for (const [path, text] of [...chinese, ...english]) expect(text.trim(), path).not.toBe('');
  });

  it('are each in their own language', () => {
    for (const [path, text] of english) if (!both.test(path)) expect(text, path).not.toMatch(/\p{Script=Han}/u);
    for (const [path, text] of chinese)
      if (!both.test(path)) expect(text, path).toMatch(/\p{Script=Han}|WGS|GCJ|BD-09/u);
  });
});
