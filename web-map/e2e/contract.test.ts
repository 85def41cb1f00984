import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
// @ts-expect-error a plain script
import { schemaFile } from '../scripts/types.mjs';
import { api } from './browser';

it('the wire types are those the server describes (else: make types)', async () => {
  const committed = readFileSync(new URL('../src/api/schema.ts', import.meta.url), 'utf8');
  expect((schemaFile as (openapi: unknown) => string)(await api('/api/openapi.json'))).toBe(committed);
});
