import { Away, ask, heed, post, problemOf, reachable, remove, withQuery } from './http';
import type { ImportBatch, ImportReport } from './types';

/** What the sender says about a file; everything else is found in the file itself. */
export interface ImportChoice {
  subject: string;
  crs: string;
  edition?: string | undefined;
}

/** Sends a file for a dry run: nothing is stored. progress hears the share sent, 0…1. */
export function dryRun(
  file: File,
  choice: ImportChoice,
  progress: (share: number) => void,
  signal: AbortSignal,
): Promise<ImportReport> {
  const path = withQuery('/api/imports', { ...choice, file: file.name });
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch cannot report how much was sent
    request.open('POST', path);
    request.setRequestHeader('Content-Type', 'application/octet-stream');
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.onerror = () => {
      reachable.value = false;
      reject(new Away());
    };
    request.onabort = () => reject(new DOMException('the upload was cancelled', 'AbortError'));
    request.onload = () => {
      if (request.status < 200 || request.status > 299) {
        return reject(heed(problemOf(request.status, request.responseText)));
      }
      resolve(JSON.parse(request.responseText) as ImportReport);
    };
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}

export const commit = (id: string): Promise<ImportReport> => post(`/api/imports/${id}/commit`);
export const cancel = (id: string): Promise<unknown> => remove(`/api/imports/${id}`);
export const batches = (): Promise<{ batches: ImportBatch[] }> => ask('/api/imports');
