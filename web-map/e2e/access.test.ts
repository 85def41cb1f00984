import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { expectAccessible, idle, keptPage, openPage, type Role, useBrowser, villagePoints } from './browser';

useBrowser();

const village = villagePoints().get('四滧村村委会');
const point = `at=point:${village?.lon},${village?.lat}`;

type State = [
  name: string,
  hash: string,
  act?: string | ((page: Page) => Promise<unknown>), // what shows that it is there, or what to do there before looking
  as?: Role | null, // who looks
];

/** The states of the page. */
const states: State[] = [
  ['start', ''],
  ['heat and surveys', '#show=heat,findings,surveys,labels'],
  ['statuses', '#level=villages&by=status&pick=5'],
  ['here', `#${point}`, '.risk-value'],
  ['town', '#at=towns:310151102000', '.risk-value'],
  ['outside', '#at=point:121,31', '.drawer .nothing'],
  ['layers', '#panel=layers'],
  ['marking a point', '#panel=mark', '.mark'],
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
  ['import', '#panel=import', '.import', 'grid-admin'],
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
    'grid-admin',
  ],
  ['help', '#panel=help', '.meanings'],
  ['signing in', '', '.demo-account', null],
  ['a panel without the right to it', '#panel=mark', '.drawer .notice', 'volunteer'],
  [
    'why',
    `#${point}`,
    async (page) => {
      await page.locator('.why button').first().click();
      await page.locator('.explained').waitFor();
    },
    'patrol',
  ],
  ['the territory alone', `#${point}`, '.drawer .notice', 'system-admin'],
  ['layers, findings by cells', '#panel=layers', '.states .wide', 'patrol'],
  ['account', '#panel=account', '.pages'],
  [
    'viewing as: the form',
    '#panel=account',
    async (page) => {
      await page.locator('.drawer summary').click();
      await page.locator('.drawer form select').first().waitFor();
    },
    'system-admin',
  ],
  [
    'a new token',
    '#panel=access',
    async (page) => {
      await page.locator('.block summary').first().click();
      await page.locator('.checks').waitFor();
    },
  ],
  [
    'accounts, giving a role',
    '#panel=users',
    async (page) => {
      await page.locator('.people summary').first().click();
      await page.locator('.people form').first().waitFor();
    },
    'system-admin',
  ],
  [
    'taking a role away',
    '#panel=users',
    async (page) => {
      await page.locator('.grant button').first().click();
      await page.locator('dialog[open]').waitFor();
    },
    'system-admin',
  ],
  [
    'audit log',
    '#panel=audit',
    async (page) => {
      await page.locator('.expand').first().click();
      await page.locator('.log-detail').waitFor();
    },
    'auditor',
  ],
  [
    'taking a table away',
    '#panel=layers',
    async (page) => {
      await page.locator('.drawer .actions button').click();
      await page.locator('dialog[open] select').waitFor();
    },
  ],
];
const desktop: State[] = [
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
const phone: State[] = [...states, ['legend', '#panel=legend'], ['period', '#panel=period']];

const join = (hash: string, more: string) => `${hash === '' ? '#' : `${hash}&`}${more}`;

/** A page in the state. What leaves nothing behind is looked at in one page for whoever looks: a page takes seconds to begin. */
async function opened(hash: string, act: State[2], as: State[3], phone: boolean): Promise<Page> {
  const screen = { phone, ...(as !== undefined && { as }) };
  const { page } = await (typeof act === 'function' ? openPage : keptPage)(hash, screen);
  if (as !== null) await idle(page);
  if (typeof act === 'string') await page.locator(act).first().waitFor();
  else await act?.(page);
  return page;
}

const looks = ['theme=light', 'theme=dark&lang=en'];

/** Every state by one look on a desktop and by the other on a phone, in turns: each is seen in both, and each look on both. */
const turns = (list: State[], first: number): [string, ...State][] =>
  list.map((state, i) => [looks[(i + first) % 2] ?? '', ...state]);

describe('has no violation', () => {
  it.each(turns(desktop, 0))('%s on a desktop: %s', async (look, name, hash, act, as) => {
    const page = await opened(join(hash, look), act, as, false);
    await expectAccessible(page, name);
  });

  it.each(turns(phone, 1))('%s on a phone: %s', async (look, name, hash, act, as) => {
    const page = await opened(join(hash, look), act, as, true);
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
