import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { repository } from './program.ts';

test('each mutation still finds its rule in the code, once', async () => {
  const list = pathToFileURL(join(repository, 'scripts/mutations.list.mjs')).href;
  const { mutations } = await import(list);
  for (const { name, patches } of mutations)
    for (const { file, find } of patches) {
      const source = readFileSync(join(repository, 'src/stores', file), 'utf8');
      assert.equal(source.split(find).length, 2, `${name}: ${file}`);
    }
});
