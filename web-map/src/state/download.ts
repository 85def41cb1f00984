// Taking a table away: the purpose is asked for first.
import { signal } from '@preact/signals';
import { askFile } from '../api/http';

export interface Download {
  what: string; // its name for the reader
  path: (purpose: string) => string;
  file: string; // name of the file
}

/** The table that is about to be taken away; null for none. */
export const wanted = signal<Download | null>(null);

/** The name of the file: what it is, and the day on the district's clock. */
export const fileName = (what: string, now: Date): string =>
  `wangge-${what}-${new Date(now.getTime() + 8 * 3600_000).toISOString().slice(0, 10)}.csv`;

/** Fetches the table and hands it to the browser, so that a refusal is a sentence on the page. */
export async function take({ path, file }: Download, purpose: string): Promise<void> {
  const blob = await askFile(path(purpose));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
