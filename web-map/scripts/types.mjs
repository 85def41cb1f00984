// Writes src/api/schema.ts, the wire types, from the description that the server gives of itself (make types):
//   wangge openapi > openapi.json && node scripts/types.mjs openapi.json
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** "add-accountRequest" as the name of a type. */
const nameOf = (name) => name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());

/** The TypeScript of one JSON schema. */
function typeOf(schema) {
  if (schema === true || Object.keys(schema).length === 0) return 'unknown';
  if (schema.$ref) return nameOf(schema.$ref.split('/').at(-1));
  if (schema.enum) return schema.enum.map((value) => `'${value}'`).join(' | ');
  const types = [schema.type ?? 'unknown'].flat();
  return types.map((type) => plainType(type, schema)).join(' | ');
}

function plainType(type, schema) {
  switch (type) {
    case 'integer':
      return 'number';
    case 'array':
      return `${typeOf(schema.items ?? {}).includes(' ') ? `(${typeOf(schema.items ?? {})})` : typeOf(schema.items ?? {})}[]`;
    case 'object':
      return schema.properties ? body(schema) : `Record<string, ${typeOf(schema.additionalProperties ?? {})}>`;
    default:
      return type;
  }
}

function body(schema) {
  const required = new Set(schema.required ?? []);
  const members = Object.entries(schema.properties ?? {}).map(
    ([name, member]) => `  ${name}${required.has(name) ? '' : '?'}: ${typeOf(member)};`,
  );
  return `{\n${members.join('\n')}\n}`;
}

/** The whole file for an OpenAPI 3.1 document. */
export function schemaFile(openapi) {
  const schemas = Object.entries(openapi.components.schemas).sort(([a], [b]) => (a < b ? -1 : 1));
  const interfaces = schemas.map(([name, schema]) => `export interface ${nameOf(name)} ${body(schema)}`);
  return `// Made by scripts/types.mjs from /api/openapi.json: run \`make types\`, do not edit.\n\n${interfaces.join('\n\n')}\n`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const openapi = JSON.parse(readFileSync(process.argv[2] ?? 'openapi.json', 'utf8'));
  writeFileSync(new URL('../src/api/schema.ts', import.meta.url), schemaFile(openapi));
}
