import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { expectAccessible, openMap, useBrowser, villagePoints } from './browser';

useBrowser();

const village = villagePoints().get('四滧村村委会');
const point = `at=point:${village?.lon},${village?.lat}`;

/** The states of the page: an address, and what to do there before looking. */
const states: [string, string, ((page: Page) => Promise<unknown>)?][] = [
  ['start', ''],
  ['heat and surveys', '#show=heat,findings,surveys,labels'],
  ['statuses', '#level=villages&by=status&pick=5'],
  ['here', `#${point}`, (page) => page.locator('.risk-value').first().waitFor()],
  ['town', '#at=towns:310151102000', (page) => page.locator('.risk-value').first().waitFor()],
  ['outside', '#at=point:121,31', (page) => page.locator('.drawer .nothing').waitFor()],
  ['layers', '#panel=layers'],
  ['marking a point', '#panel=mark', (page) => page.locator('.mark').waitFor()],
  [
    'marking a plot',
    '#panel=mark',
    async (page) => {
      await page.locator('.mark input[value=plot]').check({ force: true });
      await page.locator('.maplibregl-canvas').focus();
      await page.keyboard.press('Space');
      await page.locator('.draft-state', { hasText: '1' }).waitFor();
    },
  ],
  ['import', '#panel=import', (page) => page.locator('.import').waitFor()],
  [
    'import report',
    '#panel=import',
    async (page) => {
      const buffer = Buffer.from(
        'id,kind,date,lon,lat\nx1,tipoff,2099-01-01,121.6,31.6\nx2,tipoff,2026-01-01,121.6,31.6\n',
      );
      await page.locator('input[type=file]').setInputFiles({ name: 'a.csv', mimeType: 'text/csv', buffer });
      await page.locator('.import button[type=submit]').click();
      await page.locator('.report .actions').waitFor();
    },
  ],
  ['help', '#panel=help', (page) => page.locator('.meanings').waitFor()],
];
const desktop: typeof states = [
  ...states,
  [
    'search',
    '',
    async (page) => {
      await page.locator('#search').fill('滧');
      await page.locator('.answer-name').first().waitFor();
    },
  ],
  ['manual classes', '#method=manual&breaks=5,10', (page) => page.locator('.legend summary').click()],
];
const phone: typeof states = [...states, ['legend', '#panel=legend'], ['period', '#panel=period']];

const join = (hash: string, more: string) => `${hash === '' ? '#' : `${hash}&`}${more}`;

describe.each(['theme=light', 'theme=dark&lang=en'])('%s', (look) => {
  it.each(desktop)('has no violation on a desktop: %s', async (name, hash, act) => {
    const { page } = await openMap(join(hash, look));
    await act?.(page);
    await expectAccessible(page, name);
  });

  it.each(phone)('has no violation on a phone: %s', async (name, hash, act) => {
    const { page } = await openMap(join(hash, look), { phone: true });
    await act?.(page);
    await expectAccessible(page, name);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), 'nothing is wider than the phone').toBe(
      390,
    );
    expect(await smallTargets(page), 'nothing to touch is under 44 px').toEqual([]);
  });
});

/** Controls that are shown and smaller than 44 × 44 px; what fills a month or a year of the bar is as wide as it is. */
function smallTargets(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const all = [...document.querySelectorAll<HTMLElement>('button, select, input, summary, [role=switch]')];
    return all.flatMap((element) => {
      const target = element.closest('label') ?? element;
      const box = target.getBoundingClientRect();
      const shown = box.width > 1 && box.height > 1 && element.checkVisibility();
      const narrow = !element.closest('.years') && box.width < 43.5;
      if (!shown || element.closest('.skip') || (box.height >= 43.5 && !narrow)) return [];
      return [`${element.outerHTML.slice(0, 90)} ${Math.round(box.width)} × ${Math.round(box.height)}`];
    });
  });
}
