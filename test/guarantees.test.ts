import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';

test('every test that docs/guarantees.md names is there', async () => {
  const names = (await readdir('test', { recursive: true })).filter((name) => name.endsWith('.ts'));
  const sources = (await Promise.all(names.map((name) => readFile(`test/${name}`, 'utf8')))).join('\n');
  const page = await readFile('docs/guarantees.md', 'utf8');
  const named = [...page.matchAll(/"([^"]+)"/g)].map(([, name]) => name);
  assert.ok(named.length > 20);
  for (const name of named) assert.ok(sources.includes(`'${name}'`), `no test is called "${name}"`);
});
