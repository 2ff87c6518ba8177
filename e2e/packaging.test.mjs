// What is in packaging/: held to what reads it, as far as that can be had without installing it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, copyFile, cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { binary, countersign } from './support/countersign.mjs';
import { inFolder } from './support/folder.mjs';
import { certificate } from './support/tls.mjs';

const packaging = (name) => fileURLToPath(new URL(`../packaging/${name}`, import.meta.url));
const unit = packaging('systemd/countersign.service');
const containerfile = packaging('container/Containerfile');
/// How long open requests are answered once the server stops, in seconds.
const DRAIN_S = 25;

/// Runs a program to its end: {code, said}.
async function run(program, args) {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args);
    return { code: 0, said: stdout + stderr };
  } catch (error) {
    assert.equal(typeof error.code, 'number', String(error));
    return { code: error.code, said: error.stdout + error.stderr };
  }
}

/// The values of a directive, in the order in which they stand.
const directives = async (name) =>
  (await readFile(unit, 'utf8')).split('\n').flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));

test('systemd knows every directive of the unit, and finds it well kept', () =>
  inFolder(async (folder) => {
    // Where it is installed the program is elsewhere.
    const text = (await readFile(unit, 'utf8')).replace('ExecStart=/usr/bin/countersign', `ExecStart=${binary}`);
    const installed = join(folder, 'countersign.service');
    await writeFile(installed, text);
    assert.deepEqual(await run('systemd-analyze', ['verify', installed]), { code: 0, said: '' });
    const wrong = join(folder, 'wrong.service');
    await writeFile(wrong, text.replace('ProtectHome=', 'ProtectHomes='));
    assert.match((await run('systemd-analyze', ['verify', wrong])).said, /Unknown key (name )?'ProtectHomes'/);
    // Of 10; what exposes it is that it is reached over the network.
    const exposure = await run('systemd-analyze', ['security', '--offline=yes', '--threshold=20', installed]);
    assert.equal(exposure.code, 0, exposure.said);
  }));

test('the unit waits for open requests, reloads, and keeps its key apart', async () => {
  const [stop] = await directives('TimeoutStopSec');
  assert.ok(Number(stop) > DRAIN_S, stop);
  assert.deepEqual(await directives('ExecReload'), ['/bin/kill -HUP $MAINPID']);
  const [credential] = await directives('LoadCredential');
  const name = credential.split(':')[0];
  assert.deepEqual(await directives('Environment'), [`COUNTERSIGN_KEY_ENCRYPTION_KEY_FILE=%d/${name}`]);
  const [start] = await directives('ExecStart');
  const user = (await readFile(packaging('systemd/countersign.sysusers.conf'), 'utf8')).match(/^u (\S+) /m);
  assert.deepEqual(await directives('User'), [user[1]]);
  const [, command, flag, file] = start.split(' ');
  assert.deepEqual([command, flag, file], ['serve', '--config', '/etc/countersign/countersign.toml']);
});

test('the example configuration is accepted once its certificate is there', () =>
  inFolder(async (folder) => {
    const { file, key } = await certificate(folder, 'own');
    const config = join(folder, 'countersign.toml');
    const text = await readFile(packaging('countersign.toml'), 'utf8');
    await writeFile(
      config,
      text.replaceAll('/etc/countersign/certificate.pem', file).replaceAll('/etc/countersign/key.pem', key),
    );
    const args = ['config', 'check', '--config', config, '--data-dir', join(folder, 'data')];
    const { code, stderr } = await countersign(args);
    assert.deepEqual([code, stderr], [0, '']);
  }));

test('the linter of container files has nothing to say', () =>
  inFolder(async (folder) => {
    const linter = fileURLToPath(new URL('.venv/bin/hadolint', import.meta.url));
    assert.deepEqual(await run(linter, [containerfile]), { code: 0, said: '' });
    const wrong = join(folder, 'Containerfile');
    await writeFile(wrong, 'FROM rust\nRUN cd /tmp\n');
    assert.match((await run(linter, [wrong])).said, /DL3006/);
  }));

test('the image has a user without rights, and stops as the server does', async () => {
  const lines = (await readFile(containerfile, 'utf8')).split('\n');
  const image = lines.slice(lines.lastIndexOf('FROM scratch'));
  const value = (name) => image.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
  assert.match(value('USER'), /^[1-9]\d+:[1-9]\d+$/);
  assert.equal(value('STOPSIGNAL'), 'SIGTERM');
  assert.deepEqual(JSON.parse(value('ENTRYPOINT')), ['/usr/bin/countersign']);
  const { code } = await countersign([...JSON.parse(value('CMD')), '--help']);
  assert.equal(code, 0);
  const [name, address] = value('ENV').split('=');
  const shown = await countersign(['config', 'show', '--json'], '', { [name]: address });
  const listen = JSON.parse(shown.stdout).settings.find(({ key }) => key === 'listen');
  assert.deepEqual([listen.value, listen.from], [address, 'variable']);
  assert.ok(address.endsWith(`:${value('EXPOSE')}`));
});

test('the image has all that the program is linked to, and needs nothing else', { skip: process.getuid() !== 0 && 'only root may change the root' }, () =>
  inFolder(async (folder) => {
    await chmod(folder, 0o755);
    // What the Containerfile does with the program that it builds.
    const linked = (await run('ldd', [binary])).said.match(/\/[^ ]*/g);
    for (const library of new Set(linked)) await cp(library, join(folder, library), { recursive: true, dereference: true });
    await copyFile(binary, join(folder, 'countersign'));
    const { code, said } = await run('chroot', ['--userspec=65532:65532', folder, '/countersign', 'config', 'check', '--data-dir', '/data']);
    assert.equal(code, 2, said);
    assert.match(said, /cannot use the data folder \/data: Permission denied/);
  }));
