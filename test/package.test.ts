import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { makeDirectory, repository, urlOfProgram } from './program.ts';

const run = promisify(execFile);

/** An empty project with the packed package in it, laid out as npm install does, and nothing but its dependencies. */
async function installPackage(t: TestContext): Promise<string> {
  const project = await makeDirectory(t);
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', project], {
    cwd: repository,
  });
  const [{ filename }] = JSON.parse(stdout);
  await run('tar', ['-xzf', filename], { cwd: project });

  const modules = join(project, 'node_modules');
  const installed = join(modules, 'enigma-relay');
  await mkdir(join(modules, '.bin'), { recursive: true });
  await run('mv', ['package', installed], { cwd: project });
  const { bin, dependencies } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'));
  for (const name of Object.keys(dependencies)) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(repository, 'node_modules', name), join(modules, name));
  }
  await chmod(join(installed, bin['enigma-relay']), 0o755);
  await symlink(join(installed, bin['enigma-relay']), join(modules, '.bin', 'enigma-relay'));
  return project;
}

test('the package runs as a program and as a library where it is installed', async (t) => {
  const project = await installPackage(t);

  const program = spawn(join(project, 'node_modules', '.bin', 'enigma-relay'), [], { cwd: project });
  t.after(() => program.kill('SIGKILL'));
  const response = await fetch(`${await urlOfProgram(program)}/health`);
  assert.deepEqual(await response.json(), { status: 'ok' });
  program.kill('SIGTERM');
  assert.deepEqual(await once(program, 'exit'), [0, null]);

  await writeFile(
    join(project, 'library.mjs'),
    `import { startRelay } from 'enigma-relay';
     const relay = await startRelay({ storage: { kind: 'memory' } });
     console.log((await fetch(relay.baseUrl + '/health')).status);
     await relay.stop();`,
  );
  const { stdout } = await run(process.execPath, ['library.mjs'], { cwd: project });
  assert.equal(stdout, '200\n');
});

test('the lock file names every package with its checksum, and none that runs a script to be installed', async () => {
  const { packages } = JSON.parse(await readFile(join(repository, 'package-lock.json'), 'utf8'));
  const { '': own, ...others } = packages;
  assert.equal(own.name, 'enigma-relay');
  for (const [name, { version, integrity, hasInstallScript }] of Object.entries<Record<string, unknown>>(
    others,
  )) {
    assert.match(String(version), /^\d+\.\d+\.\d+/, name);
    assert.match(String(integrity), /^sha512-/, name);
    assert.equal(hasInstallScript, undefined, name);
  }
});

test('SIGTERM to npm start ends the relay', { timeout: 30_000 }, async (t) => {
  const args = ['start', '--ignore-scripts', '--', '--storage-path', await makeDirectory(t)];
  const npm = spawn('npm', args, { cwd: repository, detached: true });
  t.after(() => npm.pid !== undefined && killGroup(npm.pid));
  await urlOfProgram(npm);
  npm.kill('SIGTERM');
  // The relay holds this pipe as long as it runs, whatever became of npm.
  await once(npm.stdout, 'close');
});

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // All of it has ended already.
  }
}
