// Taking something away: the purpose is asked for first.
import { signal } from '@preact/signals';
import { askFile } from '../api/http';

export interface Download {
  what: string; // its name for the reader
  make: (purpose: string) => Promise<Blob>;
  file: string; // name of the file
}

/** A file of the server, at a path that names the purpose. */
export const fromServer =
  (path: (purpose: string) => string): Download['make'] =>
  (purpose) =>
    askFile(path(purpose));

/** What is about to be taken away; null for nothing. */
export const wanted = signal<Download | null>(null);

/** The name of the file: what it is, and the day on the district's clock. */
export const fileName = (what: string, now: Date, form = 'csv'): string =>
  `wangge-${what}-${new Date(now.getTime() + 8 * 3600_000).toISOString().slice(0, 10)}.${form}`;

/** Makes or fetches the file and hands it to the browser, so that a refusal is a sentence on the page. */
export async function take({ make, file }: Download, purpose: string): Promise<void> {
  const blob = await make(purpose);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
