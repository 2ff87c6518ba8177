// Keys take turns while people log in: the drills of docs/operations.md, by its commands.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import jsonwebtoken from 'jsonwebtoken';
import { call, countersign, serve } from './support/countersign.mjs';
import { inTime } from './support/place.mjs';

/// Logins of each backend between two steps.
const LOGINS = 5;
const TIMEOUT_MS = 60_000;

/// A server with an application whose backend has a key, and its commands.
async function inShop(use) {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  const server = await serve(['--data-dir', folder, '--listen', '127.0.0.1:0']);
  try {
    const { url } = server.ready;
    const operator = (await readFile(join(folder, 'operator.key'), 'utf8')).trim();
    const runs = async (...args) => {
      const { code, stdout, stderr } = await countersign([...args, '--json', '--url', url, '--key', operator]);
      assert.equal(code, 0, stderr);
      return stdout === '' ? null : JSON.parse(stdout);
    };
    const { id } = await runs('application', 'create', 'Shop');
    const here = (...args) => runs(...args, '--application', id);
    await use({ url, id, here });
  } finally {
    const { code, stderr } = await server.stop();
    await rm(folder, { recursive: true });
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /panicked|PRIVATE KEY|eyJ/);
  }
}

/// Backends that log users in without pause, each with the key that it has.
function backends({ url, id }) {
  const outcomes = [];
  let told = () => {};
  let stopping = false;
  const running = [];
  const begin = (name, sign) => {
    const one = { sessions: [] };
    const run = async () => {
      while (!stopping) {
        const credential = sign({ aud: id, sub: `${name}-${randomUUID()}`, jti: randomUUID() });
        const { status, body } = await call(url, 'POST', '/v1/sessions', { body: { credential } });
        if (status === 201) one.sessions.push(body);
        outcomes.push({ name, code: status === 201 ? 'in' : body.code });
        told();
      }
    };
    running.push(run());
    return one;
  };
  /// Waits until each of these has had so many answers from now on, and answers all of them.
  /// The first may have been on its way when a step was made, and judged before it.
  const answers = async (...names) => {
    const from = outcomes.length;
    const of = (name) => outcomes.slice(from).filter((it) => it.name === name).slice(1).map(({ code }) => code);
    const wait = async () => {
      while (!names.every((name) => of(name).length >= LOGINS)) await new Promise((resolve) => { told = resolve; });
    };
    await inTime(`logins of ${names}`, wait());
    return Object.fromEntries(names.map((name) => [name, [...new Set(of(name))]]));
  };
  const stop = async () => {
    stopping = true;
    await Promise.all(running);
  };
  return { begin, answers, stop };
}

const signer = (key, options = {}) => (claims) =>
  jsonwebtoken.sign(claims, key, { algorithm: 'ES256', expiresIn: 600, ...options });

test('a signing key: standby, current, previous, revoked, and no login fails on the way', { timeout: TIMEOUT_MS }, () =>
  inShop(async (shop) => {
    const create = (kid) => shop.here('key', 'create', '--algorithm', 'ES256', '--kid', kid);
    const states = async () =>
      Object.fromEntries((await shop.here('key', 'list')).keys.map(({ kid, state }) => [kid, state]));
    const old = await create('2026');
    const work = backends(shop);
    try {
      const former = work.begin('old', signer(old.private_key_pem));
      assert.deepEqual(await work.answers('old'), { old: ['in'] });

      // It verifies what names it, before anybody is asked to go by it.
      const made = await create('2027');
      assert.deepEqual(await states(), { 2026: 'current', 2027: 'standby' });
      const next = work.begin('named', signer(made.private_key_pem, { keyid: '2027' }));
      assert.deepEqual(await work.answers('old', 'named'), { old: ['in'], named: ['in'] });

      await shop.here('key', 'rotate', '2027');
      assert.deepEqual(await states(), { 2026: 'previous', 2027: 'current' });
      work.begin('new', signer(made.private_key_pem));
      assert.deepEqual(await work.answers('old', 'named', 'new'), { old: ['in'], named: ['in'], new: ['in'] });

      await shop.here('key', 'revoke', '2026');
      const { old: refused, ...others } = await work.answers('old', 'named', 'new');
      assert.deepEqual(others, { named: ['in'], new: ['in'] });
      assert.deepEqual(refused, ['bad_signature'], 'no key is left that it fits');
      // What the key has opened is over, too, and nothing else is.
      const worth = async ({ access_token }) => (await call(shop.url, 'GET', '/v1/conversations', { bearer: access_token })).status;
      for (const session of [former.sessions.at(0), former.sessions.at(-1)]) assert.equal(await worth(session), 401);
      assert.equal(await worth(next.sessions.at(0)), 200);
    } finally {
      await work.stop();
    }
  }));

test('an API key: the next one works before the last one is revoked', { timeout: TIMEOUT_MS }, () =>
  inShop(async ({ url, here }) => {
    const users = async (key) => (await call(url, 'GET', '/v1/users', { bearer: key })).status;
    const old = await here('api-key', 'create', 'backend', '--role', 'user', '--expires-in-days', '90');
    assert.equal(await users(old.key), 200);
    const next = await here('api-key', 'create', 'backend', '--role', 'user', '--expires-in-days', '90');
    assert.deepEqual([await users(old.key), await users(next.key)], [200, 200]);
    await here('api-key', 'revoke', old.id);
    assert.deepEqual([await users(old.key), await users(next.key)], [401, 200]);
    const { api_keys: keys } = await here('api-key', 'list');
    assert.deepEqual(keys.map(({ id }) => id), [next.id]);
  }));
