import { signal } from '@preact/signals';
import type { ProblemBody } from './types';

/** The server answered, and said no: its sentence is the message, meant for a person. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly waitS = 0, // seconds to wait before asking again, when the server says so
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

/** False from the first answer that nobody is signed in until somebody is. */
export const recognised = signal(true);

/** The last answer that whoever is signed in may not do this. */
export const refused = signal<Problem | null>(null);

/** Reads the sentence of an error body; falls back to the status. */
export function problemOf(status: number, body: string, waitS = 0): Problem {
  try {
    const problem = JSON.parse(body) as ProblemBody;
    return new Problem(status, problem.detail || problem.title || `HTTP ${status}`, waitS);
  } catch {
    return new Problem(status, `HTTP ${status}`, waitS);
  }
}

/** Lets the whole page know of a refusal, whoever asked. */
export function heed(problem: Problem): Problem {
  if (problem.status === 401) recognised.value = false;
  if (problem.status === 403) refused.value = problem;
  return problem;
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

async function problemIn(response: Response): Promise<Problem> {
  return problemOf(response.status, await response.text(), Number(response.headers.get('Retry-After')) || 0);
}

/** As ask, where a refusal is the answer to this question alone: signing in, or a new password. */
export async function enquire<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await send(path, init);
  if (!response.ok) throw await problemIn(response);
  const body = await response.text();
  return (body === '' ? undefined : JSON.parse(body)) as T;
}

/** Asks the server for JSON. Throws Problem, Away, or the AbortError of the signal. */
export async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  try {
    return await enquire<T>(path, init);
  } catch (error) {
    throw error instanceof Problem ? heed(error) : error;
  }
}

/** Asks the server for a file. */
export async function askFile(path: string): Promise<Blob> {
  const response = await send(path, {});
  if (!response.ok) throw heed(await problemIn(response));
  return response.blob();
}

/** A request that posts a JSON body. */
export function posting(body?: unknown): RequestInit {
  if (body === undefined) return { method: 'POST' };
  return { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
}

/** Posts a JSON body. */
export const post = <T>(path: string, body?: unknown): Promise<T> => ask<T>(path, posting(body));

/** Deletes what is at a path. */
export const remove = <T = void>(path: string): Promise<T> => ask<T>(path, { method: 'DELETE' });

/** Builds path?query, leaving out what is empty. */
export function withQuery(path: string, query: Record<string, string | number | undefined>): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  if (pairs.length === 0) return path;
  const text = pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value)).replaceAll('%2C', ',')}`);
  return `${path}?${text.join('&')}`;
}
