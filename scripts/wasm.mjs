/**
 * `npm run wasm`: compiles `wasm/packed.ts` into `src/packed-wasm.ts`; with `--check` it writes nothing, and fails where that is
 * not what stands there. The compiler is installed outside the project, as it is as large as everything that is installed there,
 * and needed only where that file changes.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const COMPILER = 'assemblyscript@0.28.20';
const FLAGS = '-O3 --converge --noAssert --runtime stub --use abort= --enable simd';
/** Of 64 KiB. */
const MEMORY_PAGES = 5;
const SOURCE = 'wasm/packed.ts';
const GENERATED = 'src/packed-wasm.ts';
const LINE_LENGTH = 100;

const prefix = join(process.env.TMPDIR ?? tmpdir(), COMPILER.replace('@', '-'));
const inherit = { stdio: ['ignore', 'inherit', 'inherit'] };
execFileSync(
  'npm',
  ['i', '--silent', '--no-save', '--ignore-scripts', '--prefix', prefix, COMPILER],
  inherit,
);
const compiler = join(prefix, 'node_modules/assemblyscript/bin/asc.js');
const flags = `${FLAGS} --initialMemory ${MEMORY_PAGES} --maximumMemory ${MEMORY_PAGES}`.split(' ');
const compiled = join(prefix, 'packed.wasm');
execFileSync(process.execPath, [compiler, SOURCE, '-o', compiled, ...flags], inherit);

const text = readFileSync(compiled).toString('base64');
const lines = text.match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')).map((line) => `  '${line}'`);
const generated = `/** \`${SOURCE}\`, compiled by \`npm run wasm\`. */
export const packedWasm =
${lines.join(' +\n')};
`;
if (!process.argv.includes('--check')) writeFileSync(GENERATED, generated);
else if (readFileSync(GENERATED, 'utf8') !== generated)
  throw new Error(`${GENERATED} is not what ${SOURCE} compiles to: npm run wasm`);
