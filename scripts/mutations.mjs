// Takes the rules of the disk store out of the code, one at a time, and plays histories of crashes on what is left until
// one of them breaks a promise. A rule that no history misses is not tested: the script then ends with status 1.
//
//   npm run mutations [-- NAME …]      HISTORIES=… for more than the usual number of seeds
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { mutations } from './mutations.list.mjs';

const root = resolve(import.meta.dirname, '..');
const seeds = Number(process.env.HISTORIES ?? 4_000);
/** A mutant that hangs has been caught too. */
const SILENCE_MS = 20_000;

const names = process.argv.slice(2);
const chosen = names.length === 0 ? mutations : mutations.filter(({ name }) => names.includes(name));
const waiting = [...chosen];
let missed = 0;
await Promise.all([work(), work()]);
process.exit(missed === 0 ? 0 : 1);

async function work() {
  for (let mutation = waiting.shift(); mutation !== undefined; mutation = waiting.shift()) {
    const directory = await mkdtemp(join(tmpdir(), 'enigma-mutant-'));
    try {
      await build(directory, mutation);
      const caught = await play(directory);
      if (caught === undefined) missed++;
      console.log(`${mutation.name.padEnd(44)} ${caught ?? `NOT CAUGHT by ${seeds} seeds`}`);
    } finally {
      await rm(directory, { recursive: true });
    }
  }
}

/** Compiles a copy of the program in which the patterns are replaced. */
async function build(directory, { name, patches }) {
  for (const part of ['src', 'test', 'package.json', 'tsconfig.json']) {
    await cp(join(root, part), join(directory, part), { recursive: true });
  }
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  for (const { file, find, replace } of patches) {
    const path = join(directory, 'src/stores', file);
    const source = await readFile(path, 'utf8');
    if (source.split(find).length !== 2)
      throw new Error(`${name}: ${file} does not have this once:\n${find}`);
    await writeFile(
      path,
      source.replace(find, () => replace),
    );
  }
  // A mutant may leave a name unused; only its JavaScript counts.
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--noCheck'], directory);
}

function run(command, args, cwd) {
  return new Promise((done, fail) => {
    spawn(command, args, { cwd, stdio: 'inherit' }).on('exit', (code) => {
      if (code === 0) done();
      else fail(new Error(`${command} ${args.join(' ')} ended with ${code}`));
    });
  });
}

/** Plays seeds until one fails; resolves with which and why. */
async function play(directory) {
  const program = `
    const { playHistory } = await import(process.argv[1]);
    for (let seed = 1; seed <= ${seeds}; seed++) {
      process.stdout.write(seed + '\\n');
      await playHistory(seed);
    }`;
  const history = join(directory, 'dist/test/simulation/power.js');
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, history]);
  let seed = '';
  let errors = '';
  let silence = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS);
  child.stdout.on('data', (chunk) => {
    seed = String(chunk).trim().split('\n').at(-1) ?? seed;
    clearTimeout(silence);
    silence = setTimeout(() => child.kill('SIGKILL'), SILENCE_MS);
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const [code] = await new Promise((done) => child.on('close', (...ended) => done(ended)));
  clearTimeout(silence);
  if (code === 0) return undefined;
  const reason = code === null ? 'it hangs' : (/Error(?: \[\w+\])?: (.*)/.exec(errors)?.[1] ?? errors);
  return `seed ${seed}: ${reason.slice(0, 110)}`;
}
