import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { api, base, demoAccount, expectAccessible, idle, openMap, openPage, type Role, useBrowser } from './browser';

useBrowser();

async function signInAs(page: Page, name: string, password: string): Promise<void> {
  await page.getByLabel('用户名').fill(name);
  await page.getByLabel('密码', { exact: true }).fill(password);
  await page.getByRole('button', { name: '登录', exact: true }).click();
}

const signInPage = (page: Page) => page.getByRole('button', { name: '登录', exact: true }).waitFor();

it('signs in before anything else is asked for, and then shows what the address asks for', async () => {
  const { page, requests } = await openPage('#level=towns&show=none', { as: null });
  await page.getByRole('region', { name: '演示帐户' }).waitFor();
  const data = () => requests.filter((url) => /\/(tiles|styles)\/|\/api\/(?!session|sign-in)/.test(url));
  expect(data()).toEqual([]);
  const { name } = await demoAccount('commander');
  await page.getByRole('button', { name: new RegExp(name) }).click();
  expect(await page.getByLabel('用户名').inputValue()).toBe(name);
  await page.keyboard.press('Enter'); // the focus is on the button
  await idle(page);
  expect(await page.getByRole('radio', { name: '乡镇' }).isChecked()).toBe(true);
  expect(page.url()).toContain('level=towns');
  expect(data().length).toBeGreaterThan(3);
});

it('says that the name or the password is wrong, and not which', async () => {
  const { page } = await openPage('', { as: null });
  const said: (string | null)[] = [];
  for (const name of ['nobody-of-that-name', (await demoAccount('volunteer')).name]) {
    await signInAs(page, name, 'not the password');
    const alert = page.locator('.sign-in').getByRole('alert');
    await alert.waitFor();
    said.push(await alert.textContent());
    await page.getByLabel('用户名').fill('');
  }
  expect(said[0]).toContain('用户名或密码不正确');
  expect(said[1]).toBe(said[0]);
});

it('shows the password only while it is asked to', async () => {
  const { page } = await openPage('', { as: null });
  const field = page.getByLabel('密码', { exact: true });
  await field.fill('secret words');
  expect(await field.getAttribute('type')).toBe('password');
  await page.getByRole('button', { name: '显示密码' }).click();
  expect(await field.getAttribute('type')).toBe('text');
  await page.getByRole('button', { name: '隐藏密码' }).click();
  expect(await field.getAttribute('type')).toBe('password');
});

it('returns to signing in when the session has ended, and keeps the mark that was being drawn', async () => {
  const { page } = await openMap('#map=15/31.62/121.55&show=none&level=none&panel=mark');
  await page.keyboard.press('Enter');
  const place = page.locator('.draft-state');
  await page.getByText(/\d+\.\d+°N/).waitFor();
  const before = await place.textContent();
  await page.context().clearCookies();
  await page.getByText('村居', { exact: true }).click(); // asks for another style
  await signInPage(page);
  await page.getByText('未保存的标记草稿仍在').waitFor();
  const { name, password } = await demoAccount('commander');
  await signInAs(page, name, password);
  await idle(page);
  expect(await place.textContent()).toBe(before);
  expect(page.url()).toContain('level=villages');
});

it('says who is signed in, what that one sees, and lets the purpose be changed', async () => {
  const { page } = await openMap('#show=none', { as: 'village-officer' });
  await page.getByRole('button', { name: /^帐户：/ }).click();
  const panel = page.locator('.drawer');
  await panel.getByText('村居干部').first().waitFor();
  await panel.getByText('案件以区间显示且不跨村界').waitFor();
  expect(await panel.getByRole('button', { name: '帐户管理' }).count()).toBe(0);
  const saved = page.waitForResponse((r) => r.url().endsWith('/api/purpose') && r.ok());
  await panel.getByLabel('本次用途').selectOption('verify');
  await saved;
  await page.getByText('用途已更改').first().waitFor();
  await page.reload();
  await idle(page);
  await page.locator('.drawer').waitFor();
  await expect.poll(() => page.getByLabel('本次用途').inputValue()).toBe('verify');
});

it('signs out, and shows nothing of the map afterwards', async () => {
  const { page } = await openPage('#show=none', { as: null });
  const { name, password } = await demoAccount('volunteer');
  await signInAs(page, name, password);
  await idle(page);
  await page.getByRole('button', { name: /^帐户：/ }).click();
  await page.getByRole('button', { name: '退出登录' }).click();
  await signInPage(page);
  expect(await page.locator('.maplibregl-canvas').count()).toBe(0);
  await page.reload();
  await signInPage(page);
});

it('makes a token that is shown once, works, and can be revoked', async () => {
  const { page } = await openPage('#panel=access');
  const title = `e2e ${Date.now()}`;
  await page.getByText('新建令牌').click();
  await page.getByRole('button', { name: '生成令牌' }).click();
  await page.getByText('请填写名称').waitFor();
  await page.getByLabel('名称').fill(title);
  await page.getByRole('button', { name: '生成令牌' }).click();
  await page.getByRole('heading', { name: '令牌已生成' }).waitFor();
  const token = await page.getByLabel('令牌', { exact: true }).inputValue();
  const withToken = () => fetch(new URL('/api/meta', base), { headers: { Authorization: `Bearer ${token}` } });
  expect((await withToken()).status).toBe(200);
  await page.getByRole('button', { name: '我已保存' }).click();
  expect(await page.content()).not.toContain(token);
  await page.getByRole('button', { name: `吊销令牌：${title}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: '吊销' }).click();
  await expect.poll(() => page.getByText(title).count()).toBe(0);
  expect((await withToken()).status).toBe(401);
});

it('makes an account, gives it a role, and its first sign-in asks for a password of its own', async () => {
  const { page } = await openPage('#panel=users', { as: 'system-admin' });
  const name = `e2e-${Date.now()}`;
  await page.getByText('新建帐户').click();
  await page.getByLabel('用户名', { exact: true }).fill(name);
  await page.getByLabel('显示名称').fill('值班岗');
  await page.getByRole('button', { name: '建立帐户' }).click();
  await page.getByRole('heading', { name: `${name} 的一次性密码` }).waitFor();
  const password = await page.getByLabel('密码', { exact: true }).inputValue();
  await page.getByRole('button', { name: '我已保存' }).click();

  await page.getByText('授予角色').click();
  await page.locator('.people').getByLabel('角色', { exact: true }).selectOption('patrol');
  await page.getByLabel('区域级别').selectOption('towns');
  await page.getByRole('button', { name: '授予', exact: true }).click();
  await page.getByText('请选择区域').waitFor();
  await page.getByLabel(/搜索乡镇/).fill('竖新');
  await page.locator('.hits button').first().click();
  await page.getByRole('button', { name: '授予', exact: true }).click();
  await page.locator('.grant', { hasText: '踏查队' }).waitFor();

  const first = await openPage('#show=none', { as: null });
  await signInAs(first.page, name, password);
  await first.page.getByText('新密码的要求').waitFor();
  await expectAccessible(first.page, 'the first password');
  const next = 'a long walk by the tidal flats';
  await first.page.getByLabel('当前密码').fill(password);
  await first.page.getByLabel('新密码', { exact: true }).fill('short');
  await first.page.getByLabel('再输一次新密码').fill('short');
  await first.page.getByRole('button', { name: '保存新密码' }).click();
  await first.page.getByText('新密码至少要有 12 个字符').waitFor();
  await first.page.getByLabel('新密码', { exact: true }).fill(next);
  await first.page.getByLabel('再输一次新密码').fill(next);
  await first.page.getByRole('button', { name: '保存新密码' }).click();
  await idle(first.page);

  await page.getByRole('button', { name: '停用' }).click();
  await page.getByRole('dialog').getByRole('button', { name: '停用' }).click();
  await page.locator('.people').getByText('已停用').waitFor();
  await first.page.getByText('村居', { exact: true }).click();
  await signInPage(first.page);
});

it('takes a role away only after a question', async () => {
  const { page } = await openPage('#panel=users', { as: 'system-admin' });
  const { name } = await demoAccount('volunteer');
  await page.getByLabel('搜索用户名或姓名').fill(name);
  await page.locator('.grant', { hasText: '志愿者' }).getByRole('button').click();
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  await page.keyboard.press('Escape');
  await expect.poll(() => dialog.count()).toBe(0);
  expect(page.url()).toContain('panel=users'); // the key was for the question alone
  expect(await page.locator('.grant', { hasText: '志愿者' }).count()).toBe(1);
});

it('views as another role under a banner that is on every page, and asks for other tiles', async () => {
  const { page, requests } = await openPage('#panel=account', { as: null });
  const { name, password } = await demoAccount('system-admin');
  await signInAs(page, name, password);
  await idle(page);
  await page.getByText('以他人视角查看', { exact: true }).click();
  await page.locator('.drawer').getByLabel('角色', { exact: true }).selectOption('commander');
  const before = requests.length;
  await page.getByRole('button', { name: '开始查看' }).click();
  const banner = page.getByRole('region', { name: '以他人视角查看' });
  await banner.getByText('指挥员 · 全区').waitFor();
  await idle(page);
  const tiles = (list: string[]) => list.filter((url) => url.includes('/tiles/'));
  expect(tiles(requests.slice(before)).length).toBeGreaterThan(0);
  await page.evaluate(() => {
    location.hash = 'panel=access';
  });
  await page.getByRole('heading', { name: '登录与令牌' }).waitFor();
  expect(await banner.isVisible()).toBe(true);
  await expectAccessible(page, 'viewing as');
  await banner.getByRole('button', { name: '结束' }).click();
  await expect.poll(() => banner.count()).toBe(0);
});

it('shows the audit log by filter, in detail, and further back', async () => {
  const { page } = await openPage('#panel=audit', { as: 'auditor' });
  const rows = page.locator('.log tbody');
  await rows.first().waitFor();
  await page.locator('.expand').first().click();
  await page.locator('.log-detail').getByText('序号').waitFor();
  const older = page.getByRole('button', { name: '更早的记录' });
  if (await older.isVisible()) {
    const before = await rows.count();
    await older.click();
    await expect.poll(() => rows.count()).toBeGreaterThan(before);
  }
  await page.getByLabel('操作者').fill('nobody-of-that-name');
  await page.getByRole('button', { name: '查询' }).click();
  await page.getByText('没有符合条件的记录').waitFor();
  await page.getByRole('button', { name: '清除条件' }).click();
  await rows.first().waitFor();

  await expect(api('/api/export/towns.csv?purpose=daily', {}, 'volunteer')).rejects.toThrow('403');
  await page.getByLabel('操作', { exact: true }).selectOption({ label: '被拒绝（无权限）' });
  await page.getByRole('button', { name: '查询' }).click();
  const refused = rows.filter({ hasText: '志愿者' }).first();
  await refused.waitFor();
  await refused.locator('.expand').click();
  await refused.getByText('/api/export/towns.csv').waitFor();
});

it('takes a table away with a purpose, which is that of the session at first', async () => {
  const { page } = await openMap('#show=none&level=towns');
  await page.getByRole('button', { name: '导出乡镇表（CSV）' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('本次用途').waitFor();
  expect(await dialog.getByLabel('本次用途').inputValue()).toBe('daily');
  await dialog.getByLabel('本次用途').selectOption('analysis');
  const [asked, file] = await Promise.all([
    page.waitForRequest((r) => r.url().includes('/api/export/towns.csv')),
    page.waitForEvent('download'),
    dialog.getByRole('button', { name: '下载' }).click(),
  ]);
  expect(asked.url()).toContain('purpose=analysis');
  expect(file.suggestedFilename()).toMatch(/^wangge-towns-\d{4}-\d\d-\d\d\.csv$/);
});

it.each<[Role, string[], string[]]>([
  ['commander', ['标记疑似点'], ['导入数据']],
  ['grid-admin', ['导入数据'], ['标记疑似点']],
  ['patrol', ['标记疑似点'], ['导入数据', '导出网格表（CSV）']],
  ['volunteer', [], ['标记疑似点', '导入数据', '导出网格表（CSV）']],
])('shows %s only what the role may do', async (as, shown, hidden) => {
  const { page } = await openMap('#show=none', { as });
  for (const name of shown) expect(await page.getByRole('button', { name }).isVisible(), name).toBe(true);
  for (const name of hidden) expect(await page.getByRole('button', { name }).count(), name).toBe(0);
});

it('says why a panel of the address is not shown', async () => {
  const { page } = await openPage('#panel=users&show=none', { as: 'volunteer' });
  await page.getByText('您的角色没有“管理帐户”的权限').waitFor();
});

it('explains why casework is shown as it is, also where nothing is drawn', async () => {
  const { page } = await openMap('#at=point:121.6,31.6&show=heat', { as: 'patrol' });
  const why = page.getByRole('button', { name: /^为什么这样显示/ });
  await why.first().waitFor();
  const asked = page.waitForRequest((r) => r.url().includes('/api/explain?level=grids'));
  await why.first().click();
  await asked;
  const answer = page.locator('.explained').first();
  await answer.getByText('最小显示数').waitFor();
  expect(await why.first().getAttribute('aria-expanded')).toBe('true');
  const ofHeat = page.waitForRequest((r) => r.url().includes('/api/explain?level=cells'));
  await why.last().click();
  await ofHeat;
});
