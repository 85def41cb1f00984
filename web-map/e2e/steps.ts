// What several tests do with analyses: ask the server for a run, and take something away from its result.
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import type { AnalysisRun } from '../src/api/types';
import { api } from './browser';

/** Asks for a run without the form and waits until it is done; its id. */
export async function runOf(request: Record<string, unknown>): Promise<string> {
  const id = crypto.randomUUID();
  const headers = { 'Content-Type': 'application/json' };
  await api('/api/analysis/runs', { method: 'POST', headers, body: JSON.stringify({ id, request }) });
  for (;;) {
    const is = await api<AnalysisRun>(`/api/analysis/runs/${id}`);
    if (is.state === 'done') return id;
    if (is.state === 'failed' || is.state === 'cancelled') throw new Error(`the run is ${is.state}: ${is.problem}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Takes something away by the name of its button, for the purpose that the dialog offers. */
export async function taken(page: Page, name: string): Promise<{ name: string; bytes: Buffer }> {
  await page.getByRole('button', { name }).click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('dialog').getByRole('button', { name: '下载' }).click(),
  ]);
  await page.waitForSelector('dialog[open]', { state: 'detached' });
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}
