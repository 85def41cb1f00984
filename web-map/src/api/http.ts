import { signal } from '@preact/signals';
import type { ProblemBody } from './types';

/** The server answered, and said no: its sentence is the message, meant for a person. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
    this.name = 'Problem';
  }
}

/** The server did not answer at all. */
export class Away extends Error {
  constructor() {
    super('the server does not answer');
    this.name = 'Away';
  }
}

/** False from the first request that got no answer until the next one that does. */
export const reachable = signal(true);

/** Reads the sentence of an error body; falls back to the status. */
export function problemOf(status: number, body: string): Problem {
  try {
    const problem = JSON.parse(body) as ProblemBody;
    return new Problem(status, problem.detail || problem.title || `HTTP ${status}`);
  } catch {
    return new Problem(status, `HTTP ${status}`);
  }
}

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    const response = await fetch(path, init);
    reachable.value = true;
    return response;
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    reachable.value = false;
    throw new Away();
  }
}

/** Asks the server for JSON. Throws Problem, Away, or the AbortError of the signal. */
export async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await send(path, init);
  const body = await response.text();
  if (!response.ok) throw problemOf(response.status, body);
  return (body === '' ? undefined : JSON.parse(body)) as T;
}

/** Posts a JSON body. */
export function post<T>(path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method: 'POST' };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { 'Content-Type': 'application/json' };
  }
  return ask<T>(path, init);
}

/** Builds path?query, leaving out what is empty. */
export function withQuery(path: string, query: Record<string, string | number | undefined>): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  if (pairs.length === 0) return path;
  const text = pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value)).replaceAll('%2C', ',')}`);
  return `${path}?${text.join('&')}`;
}
