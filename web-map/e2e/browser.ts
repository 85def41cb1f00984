// A browser with the map in it, and what the tests ask of both.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { DemoAccount, SignInfo } from '../src/api/types';

export const base = new URL(process.env.WANGGE_URL ?? 'http://127.0.0.1:8470/');

const flags = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
];

let browser: Browser;
const open: BrowserContext[] = [];

/** Starts a browser for the file's tests, and closes every page after its test. */
export function useBrowser(): void {
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: flags });
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((context) => context.close()));
  });
  afterAll(async () => {
    kept.clear();
    await browser.close();
  });
}

/** A role that a demo account has. */
export type Role = DemoAccount['role'];

/** The demo account of a role. */
export async function demoAccount(role: Role): Promise<DemoAccount> {
  const info = (await (await fetch(new URL('/api/sign-in', base))).json()) as SignInfo;
  const account = info.demo_accounts?.find((demo) => demo.role === role);
  if (account === undefined)
    throw new Error(`there is no demo account of the role ${role}: start the server with --demo`);
  return account;
}

const cookies = new Map<Role, Promise<string>>(); // "name=value" of the session of each role

/** Signs in as a role, once for all tests of the file: each sign-in is slow by intention. */
function cookieOf(role: Role): Promise<string> {
  const known = cookies.get(role) ?? signedIn(role);
  cookies.set(role, known);
  return known;
}

async function signedIn(role: Role): Promise<string> {
  const { name, password } = await demoAccount(role);
  const answer = await fetch(new URL('/api/session', base), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ name, password, purpose: 'daily' }),
  });
  const [cookie = ''] = answer.headers.getSetCookie();
  if (!answer.ok || cookie === '') throw new Error(`${name} cannot sign in: ${answer.status} ${await answer.text()}`);
  return cookie.slice(0, cookie.indexOf(';'));
}

export interface Opened {
  page: Page;
  requests: string[]; // every address asked for, also by workers
  complaints: string[]; // errors of the page, of the console, and answers of 400 and above
}

interface Screen {
  as?: Role | null; // who is signed in: the demo account of a role; null for nobody
  phone?: boolean;
  sharp?: boolean; // two device pixels a CSS pixel
  locale?: string;
}

/** Opens the map with an address ("#…") and waits until it is drawn. */
export async function openMap(hash = '', screen: Screen = {}): Promise<Opened> {
  const opened = await openPage(hash, screen);
  await idle(opened.page);
  return opened;
}

const kept = new Map<string, Opened>();

/** Goes to an address in a page that is kept for the file, one for each screen and whoever looks, and waits for nothing. */
export async function keptPage(hash: string, screen: Screen = {}): Promise<Opened> {
  const key = JSON.stringify(screen);
  const known = kept.get(key);
  if (known !== undefined) {
    await known.page.goto(new URL(`/${hash}`, base).href); // the same document: the app follows its address
    return known;
  }
  const opened = await openPage(hash, screen);
  open.splice(open.indexOf(opened.page.context()), 1);
  kept.set(key, opened);
  return opened;
}

/** Opens an address ("#…") and waits for nothing. */
export async function openPage(hash = '', screen: Screen = {}): Promise<Opened> {
  const context = await browser.newContext({
    viewport: screen.phone ? { width: 390, height: 844 } : { width: 1440, height: 900 },
    deviceScaleFactor: screen.sharp ? 2 : 1,
    hasTouch: screen.phone ?? false,
    isMobile: screen.phone ?? false,
    locale: screen.locale ?? 'zh-CN',
    reducedMotion: 'reduce', // the map jumps: nothing to wait for
  });
  open.push(context);
  const role = screen.as === undefined ? 'commander' : screen.as;
  if (role !== null) {
    const [name = '', value = ''] = (await cookieOf(role)).split('=');
    await context.addCookies([{ name, value, url: base.href, httpOnly: true, sameSite: 'Strict' }]);
  }
  const page = await context.newPage();
  const opened: Opened = { page, requests: [], complaints: [] };
  context.on('request', (request) => opened.requests.push(request.url()));
  page.on('pageerror', (error) => opened.complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') opened.complaints.push(message.text());
  });
  context.on('response', (answer) => {
    if (answer.status() >= 400) opened.complaints.push(`${answer.status()} ${answer.url()}`);
  });
  await page.goto(new URL(`/${hash}`, base).href);
  return opened;
}

/** Waits until the map has nothing left to load or move. */
export async function idle(page: Page): Promise<void> {
  await page.waitForFunction(
    () => {
      const busy = (selector: string) => document.querySelector(selector)?.getAttribute('aria-busy') !== 'false';
      const quiet = !busy('.map') && !busy('.canvas');
      const state = window as unknown as { quietFrames?: number };
      state.quietFrames = quiet ? (state.quietFrames ?? 0) + 1 : 0;
      return state.quietFrames > 6; // a change of the address needs a moment before the map is busy
    },
    undefined,
    { timeout: 60_000, polling: 60 },
  );
}

/** Where a place is on the screen, by the view in the address (Web Mercator, tiles of 512 pixels). */
export async function pixelOf(page: Page, lon: number, lat: number): Promise<{ x: number; y: number }> {
  const view = new URLSearchParams(new URL(page.url()).hash.slice(1)).get('map');
  if (view === null) throw new Error(`the address holds no view: ${page.url()}`);
  const [zoom = 0, atLat = 0, atLon = 0] = view.split('/').map(Number);
  const world = 512 * 2 ** zoom;
  const mercator = (degrees: number) => Math.log(Math.tan(Math.PI / 4 + (degrees * Math.PI) / 360)) / (2 * Math.PI);
  const size = page.viewportSize() ?? { width: 0, height: 0 };
  return {
    x: size.width / 2 + ((lon - atLon) / 360) * world,
    y: size.height / 2 - (mercator(lat) - mercator(atLat)) * world,
  };
}

export interface Pixels {
  width: number;
  height: number;
  data: Uint8Array; // RGBA
}

/** The pixels of the screen, or of a part of it. */
export async function pixels(
  page: Page,
  clip?: { x: number; y: number; width: number; height: number },
): Promise<Pixels> {
  const png = (await page.screenshot(clip ? { clip } : {})).toString('base64');
  const helper = await page.context().newPage(); // a blank page: the map's own content policy is strict
  const { width, height, data } = await helper.evaluate(async (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(image.width, image.height);
    const g = canvas.getContext('2d');
    if (g === null) throw new Error('no 2d context');
    g.drawImage(image, 0, 0);
    const rgba = g.getImageData(0, 0, image.width, image.height).data;
    let binary = '';
    for (let i = 0; i < rgba.length; i += 0x8000) binary += String.fromCharCode(...rgba.subarray(i, i + 0x8000));
    return { width: image.width, height: image.height, data: btoa(binary) };
  }, png);
  await helper.close();
  return { width, height, data: Buffer.from(data, 'base64') };
}

/** How many pixels have a colour, within a step of rounding. */
export function countColor({ data }: Pixels, color: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => Number.parseInt(color.slice(i, i + 2), 16)) as [number, number, number];
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    const close = (at: number, wanted: number) => Math.abs((data[i + at] ?? 0) - wanted) <= 2;
    if (close(0, r) && close(1, g) && close(2, b)) count++;
  }
  return count;
}

/** Asks the server directly, as the commander unless another role is named. */
export async function api<T>(path: string, init: RequestInit = {}, as: Role = 'commander'): Promise<T> {
  const headers = { ...init.headers, Cookie: await cookieOf(as) };
  const answer = await fetch(new URL(path, base), { ...init, headers });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResult {
  violations: { id: string; help: string; nodes: { target: string[]; failureSummary: string }[] }[];
}

/** Runs axe over the page for WCAG 2.2 A and AA; every violation is a failure that names the element. */
export async function expectAccessible(page: Page, state: string): Promise<void> {
  const loaded = await page.evaluate('typeof window.axe === "object"');
  if (!loaded) await page.evaluate(axeSource);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const result = (await page.evaluate(`axe.run({ runOnly: ${JSON.stringify(tags)} })`)) as AxeResult;
  const found = result.violations.flatMap((v) =>
    v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary}`),
  );
  expect(found, state).toEqual([]);
}

interface LabelPoint {
  properties: { code: string; name: string };
  geometry: { coordinates: [number, number] };
}

/** A point that lies well inside each village of the demo. */
export function villagePoints(): Map<string, { code: string; lon: number; lat: number }> {
  const path = new URL('../../geoserver/demo/chongming/unit_label_points.geojson', import.meta.url);
  const { features } = JSON.parse(readFileSync(path, 'utf8')) as { features: LabelPoint[] };
  return new Map(
    features.map(({ properties: { code, name }, geometry: { coordinates } }) => [
      name,
      { code, lon: coordinates[0], lat: coordinates[1] },
    ]),
  );
}
