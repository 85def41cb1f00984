import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { openMap, type Pixels, pixelOf, pixels, useBrowser, villagePoints } from './browser';

useBrowser();

/** Draws a text as the map would, dark on white, and gives its pixels. */
async function drawn(page: Page, text: string): Promise<Pixels> {
  const helper = await page.context().newPage();
  await helper.setContent(
    `<body style="margin:0;background:#fff"><div style="width:140px;height:24px;display:grid;place-items:center;white-space:nowrap;
     font:12.5px 'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','WenQuanYi Micro Hei',sans-serif">${text}</div></body>`,
  );
  const result = await pixels(helper, { x: 0, y: 0, width: 140, height: 24 });
  await helper.close();
  return result;
}

/** Darkness of every pixel, 0…1, blurred a little: the map draws from distance fields. */
function darkness({ width, height, data }: Pixels): { width: number; height: number; ink: Float32Array } {
  const ink = new Float32Array(width * height);
  for (let i = 0; i < ink.length; i++) {
    const grey = ((data[i * 4] ?? 0) + (data[i * 4 + 1] ?? 0) + (data[i * 4 + 2] ?? 0)) / 765;
    ink[i] = Math.max(0, 0.75 - grey);
  }
  return { width, height, ink };
}

/** The best normalised correlation of a small picture with any part of a larger one. */
function likeness(large: ReturnType<typeof darkness>, small: ReturnType<typeof darkness>): number {
  let best = 0;
  for (let dy = 0; dy <= large.height - small.height; dy++) {
    for (let dx = 0; dx <= large.width - small.width; dx++) {
      let [both, a, b] = [0, 0, 0];
      for (let y = 0; y < small.height; y++) {
        for (let x = 0; x < small.width; x++) {
          const p = large.ink[(y + dy) * large.width + x + dx] ?? 0;
          const q = small.ink[y * small.width + x] ?? 0;
          both += p * q;
          a += p * p;
          b += q * q;
        }
      }
      if (a > 0 && b > 0) best = Math.max(best, both / Math.sqrt(a * b));
    }
  }
  return best;
}

// 滧 is outside GB 2312; a font without it would draw an empty box, and nothing else would fail.
it('writes 滧 and its neighbours on the map, and no empty boxes', async () => {
  const name = '老滧港渔村村委会';
  const village = villagePoints().get(name);
  if (village === undefined) throw new Error(`${name} is not in the demo`);
  const { page } = await openMap(`#map=14/${village.lat}/${village.lon}&level=none&show=labels`, { sharp: true });
  const at = await pixelOf(page, village.lon, village.lat);
  const label = darkness(await pixels(page, { x: at.x - 80, y: at.y - 22, width: 160, height: 44 }));
  const like = async (text: string) => likeness(label, darkness(await drawn(page, text)));
  const real = await like(name);
  const boxes = await like('\u{10FFF0}'.repeat(name.length));
  const other = await like('上实现代农业园区');
  expect(real).toBeGreaterThan(0.6);
  expect(real).toBeGreaterThan(boxes + 0.15);
  expect(real).toBeGreaterThan(other + 0.15);
});
