// The doctor looks installations over: it tells what is wrong and what to do, and changes
// nothing.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, open, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { call, countersign, dev, serve } from './support/countersign.mjs';

async function inFolder(use) {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/// What it says: {code, problems, levels} with the worst level of each check, and what is
/// said of it. Every finding that is not well says what to do.
async function looks(...args) {
  const { code, stdout, stderr } = await countersign(['doctor', '--json', ...args]);
  assert.equal(stderr, '');
  const told = JSON.parse(stdout);
  const levels = {};
  const said = {};
  for (const { check, level, detail, remedy } of told.findings) {
    assert.ok(detail.length > 5 && !detail.includes('\n'), detail);
    assert.equal(remedy === undefined, level === 'ok', JSON.stringify({ check, level, remedy }));
    const order = ['ok', 'warning', 'problem'];
    if (order.indexOf(level) >= order.indexOf(levels[check] ?? 'ok')) levels[check] = level;
    said[check] = [said[check], detail, remedy].filter(Boolean).join(' ');
  }
  const problems = told.findings.filter(({ level }) => level === 'problem').length;
  assert.equal(told.problems, problems);
  assert.equal(code, problems === 0 ? 0 : 1);
  return { code, levels, said };
}

/// What lies in a folder, so that nothing can change unseen.
async function contents(folder) {
  const all = {};
  for (const name of (await readdir(folder)).sort()) {
    const file = join(folder, name);
    if (!name.endsWith('-shm')) all[name] = [(await stat(file)).mode, (await readFile(file)).toString('hex')];
  }
  return all;
}

/**
 * Looks, and sees that nothing is changed by it. What a server has just done it seals a moment
 * later, so that something may change once or twice by itself.
 */
async function looksOnly(data, ...args) {
  for (let left = 4; ; left -= 1) {
    const before = await contents(data);
    const looked = await looks(...args);
    if (isDeepStrictEqual(await contents(data), before)) return looked;
    assert.ok(left > 0, 'something is changed each time');
  }
}

test('a server that runs is looked at beside it, and is told from others at its port', () =>
  inFolder(async (folder) => {
    const data = join(folder, 'data');
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    taken.unref();
    const server = await serve(['--data-dir', data, '--listen', '127.0.0.1:0']);
    const config = join(folder, 'countersign.toml');
    const written = `data_dir = "${data}"\nlisten = "${new URL(server.ready.url).host}"\n`;
    await writeFile(config, written);
    const { code, levels, said } = await looksOnly(data, '--config', config);
    assert.equal(code, 0, JSON.stringify(said));
    for (const check of ['version', 'data folder', 'files', 'server', 'database', 'key-encryption key', 'listener']) {
      assert.equal(levels[check], 'ok', `${check}: ${said[check]}`);
    }
    assert.match(said.server, new RegExp(`process ${server.child.pid}$`));
    assert.match(said.listener, /the server has 127\.0\.0\.1:\d+$/);
    // What a first start leaves, and what the next step is.
    assert.equal(levels['operator key'], 'warning');
    assert.equal(levels['API keys'], 'warning');

    await writeFile(config, `${written}[doors]\nnexmo = "127.0.0.1:${taken.address().port}"\n`);
    const other = await looks('--config', config);
    assert.equal(other.levels.listener, 'problem');
    assert.match(other.said.listener, /doors\.nexmo \([^)]+:4\): 127\.0\.0\.1:\d+ is in use by another program/);
    taken.close();
    await server.stop();
    const stopped = await looks('--data-dir', data, '--thorough');
    assert.equal(stopped.code, 0, JSON.stringify(stopped.said));
    assert.match(stopped.said.server, /^none runs/);
    assert.match(stopped.said.database, /each page and index was read/);
  }));

test('settings that are more open than by default are named, with whose they are', () =>
  inFolder(async (folder) => {
    const server = await dev(folder);
    const { url, operator_key: bearer, application } = server.ready;
    const at = async (method, below, body) => {
      const answer = await call(url, method, `/v1/applications/${application.id}${below}`, { bearer, body });
      assert.ok(answer.status < 300, JSON.stringify(answer.body));
    };
    const closed = { managed_users: false };
    await at('PATCH', '/settings', closed);
    assert.equal((await looks('--data-dir', folder)).levels.settings, undefined);
    await at('PATCH', '/settings', {
      managed_users: true, unknown_user: { nexmo: 'create' }, one_time: { native: false }, allowed_origins: ['http://shop.example'],
    });
    await at('POST', '/keys', { algorithm: 'HS256', kid: 'short', secret: 'hunter2', allow_weak: true });
    const { code, levels, said } = await looks('--data-dir', folder);
    assert.equal(code, 0);
    assert.equal(levels.settings, 'warning');
    for (const name of ['managed_users', 'unknown_user.nexmo', 'one_time.native', 'allowed_origins']) {
      assert.ok(said.settings.includes(`(${name}): `), `${said.settings} lacks ${name}`);
    }
    assert.match(said.settings, /http:\/\/shop\.example of demo/);
    assert.match(said['signing keys'], /short enough to be guessed: short of demo/);
    await server.stop();
  }));

/// What goes wrong with a folder, the check that tells it, and what it says.
const troubles = [
  ['others may read the key', async (data) => chmod(join(data, 'key-encryption-key'), 0o644), 'files', /key-encryption-key is open to other users \(mode 0644\) run chmod 600/],
  ['another key', async (data) => writeFile(join(data, 'key-encryption-key'), randomBytes(32)), 'key-encryption key', /does not open the database: the secret was sealed under key-encryption key/],
  ['no key', async (data) => rm(join(data, 'key-encryption-key')), 'key-encryption key', /is not there, and nothing else opens the secrets in the database put it back/],
  ['a database of somebody else', async (data) => writeFile(join(data, 'countersign.db'), 'text '.repeat(999)), 'database', /is not a database of countersign/],
  ['half a database', async (data) => (await open(join(data, 'countersign.db'), 'r+').then(async (file) => { await file.truncate(50_000); return file; })).close(), 'database', /is damaged: /],
  ['a newer database', async (data) => {
    const file = await open(join(data, 'countersign.db'), 'r+');
    await file.write(Buffer.from([0, 0, 18, 103]), 0, 4, 60);
    await file.close();
  }, 'database', /has schema 4711, and this program knows up to \d+: run the newer program/],
  ['a clock that went back', async (data) => utimes(join(data, 'countersign.db'), new Date(), new Date(Date.now() + 3_600_000)), 'clock', /and the database was written at .* set the clock/],
  ['no folder', async (data) => rename(data, `${data}-away`), 'data folder', /cannot be looked at: No such file/],
  ['a file for a folder', async (data) => { await rm(data, { recursive: true }); await writeFile(data, ''); }, 'data folder', /is no folder/],
];

test('each trouble is a problem, with what to do', () =>
  inFolder(async (folder) => {
    for (const [name, make, check, words] of troubles) {
      const data = join(folder, name);
      const server = await serve(['--data-dir', data, '--listen', '127.0.0.1:0']);
      await server.stop();
      await make(data);
      const { code, levels, said } = await looks('--data-dir', data);
      assert.equal(code, 1, name);
      assert.equal(levels[check], 'problem', `${name}: ${JSON.stringify(said)}`);
      assert.match(said[check], words);
    }
    const { code, stdout, stderr } = await countersign(['doctor', '--config', join(folder, 'none.toml')]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, /^error: cannot read the configuration file [^\n]+\n$/);
  }));
