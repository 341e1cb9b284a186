/**
 * `npm run wasm`: compiles what stands in `wasm/` into text in `src/`; with `--check` it writes nothing, and fails where that is
 * not what stands there. The compiler is installed outside the project, as it is as large as everything that is installed there,
 * and needed only where those files change.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const COMPILER = 'assemblyscript@0.28.20';
const FLAGS = '-O3 --converge --noAssert --runtime stub --use abort= --enable simd';
/** What becomes of what, and how much memory it has, in pages of 64 KiB. */
const MODULES = [
  { source: 'wasm/packed.ts', generated: 'src/packed-wasm.ts', name: 'packedWasm', pages: 5 },
  { source: 'wasm/heads.ts', generated: 'src/stores/disk/heads-wasm.ts', name: 'headsWasm', pages: 96 },
];
const LINE_LENGTH = 100;

const prefix = join(process.env.TMPDIR ?? tmpdir(), COMPILER.replace('@', '-'));
const inherit = { stdio: ['ignore', 'inherit', 'inherit'] };
execFileSync(
  'npm',
  ['i', '--silent', '--no-save', '--ignore-scripts', '--prefix', prefix, COMPILER],
  inherit,
);
const compiler = join(prefix, 'node_modules/assemblyscript/bin/asc.js');
const compiled = join(prefix, 'compiled.wasm');
for (const { source, generated, name, pages } of MODULES) {
  const flags = `${FLAGS} --initialMemory ${pages} --maximumMemory ${pages}`.split(' ');
  execFileSync(process.execPath, [compiler, source, '-o', compiled, ...flags], inherit);
  const text = readFileSync(compiled).toString('base64');
  const lines = text.match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')).map((line) => `  '${line}'`);
  const module = `/** \`${source}\`, compiled by \`npm run wasm\`. */
export const ${name} =
${lines.join(' +\n')};
`;
  if (!process.argv.includes('--check')) writeFileSync(generated, module);
  else if (readFileSync(generated, 'utf8') !== module)
    throw new Error(`${generated} is not what ${source} compiles to: npm run wasm`);
}
