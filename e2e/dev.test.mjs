// `countersign dev` and `countersign demo`, as a new user meets them.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { call, countersign, dev } from './support/countersign.mjs';

async function inFolder(use) {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('demo tells the main job, and ends with what to do next', async () => {
  const { code, stdout, stderr } = await countersign(['demo']);
  assert.equal(code, 0, stderr);
  assert.equal(stderr, '');
  assert.match(stdout, /\d+ checks, all as told\./);
  assert.match(stdout.split('\n').slice(-4).join('\n'), /countersign dev/);
});

test('dev --json prints one line, and the same keys at every start', () =>
  inFolder(async (folder) => {
    const first = await dev(folder);
    const { ready } = first;
    const stopped = await first.stop();
    assert.equal(stopped.code, 0, stopped.stderr);
    assert.equal(stopped.stdout.trim().split('\n').length, 1);
    assert.deepEqual(Object.keys(ready), ['url', 'operator_key', 'doors', 'application']);
    assert.deepEqual(Object.keys(ready.doors), ['nexmo', 'kustomer', 'sinch', 'sinch_messaging']);
    assert.deepEqual(Object.keys(ready.application), [
      'id', 'slug', 'publishable_key', 'api_key', 'nexmo', 'kustomer', 'sinch',
    ]);
    for (const name of ['dev.json', 'tls-key.pem', 'operator.key', 'key-encryption-key', 'countersign.db']) {
      assert.equal((await stat(join(folder, name))).mode & 0o077, 0, name);
    }
    const second = await dev(folder);
    assert.deepEqual(second.ready.application.kustomer, ready.application.kustomer);
    assert.equal(second.ready.operator_key, ready.operator_key);
    assert.equal(second.ready.application.publishable_key, ready.application.publishable_key);
    const kept = JSON.parse(await readFile(join(folder, 'dev.json'), 'utf8'));
    assert.deepEqual(kept, second.ready);
    await second.stop();
  }));

test('every door answers in its own words', () =>
  inFolder(async (folder) => {
    const { ready, stop } = await dev(folder);
    const { nexmo, kustomer, sinch, sinch_messaging } = ready.doors;
    assert.match(sinch_messaging, /^https:/);
    assert.equal((await call(nexmo, 'GET', '/v0.3/users')).status, 401);
    assert.equal((await call(kustomer, 'GET', '/demo/v1/auth/tokens')).status, 401);
    assert.equal((await call(sinch, 'GET', '/v1/user/profile')).status, 401);
    await stop();
  }));

test('a second process, a taken port and a bad folder are told apart', () =>
  inFolder(async (folder) => {
    const { stop } = await dev(folder);
    const second = await countersign(['dev', '--port', '0', '--data-dir', folder]);
    assert.equal(second.code, 2);
    assert.match(second.stderr, /another|already|process/i);
    await stop();
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address();
    const busy = await countersign(['dev', '--port', String(port), '--data-dir', folder]);
    assert.equal(busy.code, 2);
    assert.match(busy.stderr, new RegExp(`127.0.0.1:${port}`));
    taken.close();
    const bad = await countersign(['dev', '--port', '0', '--data-dir', '/dev/null/x']);
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /data folder/);
    const ports = await countersign(['dev', '--port', '65534', '--data-dir', folder]);
    assert.equal(ports.code, 2);
    assert.match(ports.stderr, /five ports/);
  }));
