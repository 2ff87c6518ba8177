// `countersign token explain` by asking a server: what it says, and how it ends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { binary, call, countersign, dev } from './support/countersign.mjs';

let folder;
let server;
let app;
let file;
let forms;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  server = await dev(join(folder, 'data'));
  app = server.ready.application;
  const pem = await readFile(app.nexmo.private_key_file, 'utf8');
  await call(server.ready.url, 'POST', '/v1/users', { bearer: app.api_key, body: { name: 'alice' } });
  const { body } = await call(server.ready.url, 'GET', `/v1/applications/${app.id}/keys`, { bearer: app.api_key });
  const rsa = body.keys.find(({ algorithm }) => algorithm === 'RS256');
  file = join(folder, 'application.json');
  const keys = [
    { kid: rsa.kid, algorithm: 'RS256', public_key_pem: createPublicKey(pem).export({ type: 'spki', format: 'pem' }) },
    { kid: 'demo-hs256', algorithm: 'HS256', secret: app.kustomer.secret },
    { kid: 'demo-sinch', algorithm: 'sinch-hmac-sha256', secret_base64: app.sinch.secret },
  ].map((key) => ({ ...key, state: 'current' }));
  await writeFile(file, JSON.stringify({ id: app.id, slug: app.slug, keys }));
  const key = ['--key', app.nexmo.private_key_file];
  forms = [
    ['nexmo', 'nexmo', ['--subject', 'alice', ...key], 'expired'],
    ['kustomer', 'kustomer', ['--email', 'alice@example.com', '--secret', app.kustomer.secret], 'too_old'],
    ['sinch', 'sinch-ticket', ['--subject', 'alice', '--secret-base64', app.sinch.secret], 'expired'],
    ['sinch', 'sinch-jwt', ['--subject', 'alice', '--secret-base64', app.sinch.secret], 'unknown_key'],
    ['native', 'native', ['--subject', 'alice', ...key], 'expired'],
  ];
});

after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function mint(form, args) {
  const run = await countersign(['token', 'mint', '--dialect', form, '--application-id', app.id, ...args]);
  assert.equal(run.code, 0, run.stderr);
  return run.stdout.trim();
}

const online = (args, input = '', bearer = app.api_key) =>
  countersign(['token', 'explain', ...args], input, { COUNTERSIGN_URL: server.ready.url, COUNTERSIGN_KEY: bearer });

const offline = (args, input = '') => countersign(['token', 'explain', '--application', file, ...args], input);

test('every dialect is accepted, and refused two days later', async () => {
  const longAgo = String(Math.floor(Date.now() / 1000) - 2 * 86_400);
  for (const [dialect, form, args, code] of forms) {
    const good = await online(['--json', '--dialect', dialect, await mint(form, args)]);
    const verdict = JSON.parse(good.stdout);
    assert.deepEqual([good.code, verdict.accepted, verdict.dialect], [0, true, dialect], good.stdout);
    assert.match(verdict.subject, /^alice/);
    const old = await online(['--json', await mint(form, [...args, '--at', longAgo])]);
    const refusal = JSON.parse(old.stdout);
    assert.deepEqual([old.code, refusal.accepted, refusal.code], [1, false, code], old.stdout);
  }
});

test('a server says what a file says, and more', async () => {
  const tokens = [];
  for (const [, form, args] of forms) tokens.push(await mint(form, args));
  tokens.push(`${tokens[0]}x`, '', 'none', '"\\u0061"', '"', 'a'.repeat(9_000), 'b'.repeat(65_536), 'c'.repeat(70_000));
  const lines = Buffer.concat([Buffer.from(`${tokens.join('\n')}\n`), Buffer.from([0xff, 0x0a])]);
  const more = new Set(['user', 'revocation', 'use']);
  const [there, here] = await Promise.all([online(['--json', '-'], lines), offline(['--json', '-'], lines)]);
  assert.deepEqual([there.code, here.code, there.stderr], [1, 1, '']);
  const objects = ({ stdout }) => stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
  const [told, known] = [objects(there), objects(here)];
  assert.equal(told.length, tokens.length + 1);
  // Each is judged at a moment of its own.
  const timeless = (text) => text.replaceAll(/\d+(\.\d+)? s\b|\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'T');
  for (const [index, verdict] of told.entries()) {
    assert.equal(verdict.checks.some(({ name }) => name === 'user'), verdict.accepted, JSON.stringify(verdict));
    const checks = verdict.checks.filter(({ name }) => !more.has(name));
    assert.equal(timeless(JSON.stringify({ ...verdict, checks })), timeless(JSON.stringify(known[index])));
  }
  const [person, local] = await Promise.all([online(['-'], lines), offline(['-'], lines)]);
  const shown = person.stdout.split('\n').filter((line) => !/^ +. (user|revocation|use) |→ create the user/.test(line));
  assert.equal(timeless(shown.join('\n')), timeless(local.stdout));
});

test('whether the user exists is told, and changes no verdict', async () => {
  const args = (name) => ['--subject', name, '--key', app.nexmo.private_key_file];
  const known = await online([await mint('nexmo', args('alice'))]);
  assert.equal(known.code, 0, known.stdout);
  assert.match(known.stdout, /✓ user +USR-\S+ exists/);
  const unknown = await online([await mint('nexmo', args('nobody'))]);
  assert.equal(unknown.code, 0, unknown.stdout);
  assert.match(unknown.stdout, /accepted, a nexmo credential of "nobody"/);
  assert.match(unknown.stdout, /✗ user +there is no such user[^\n]+\n +→ create the user first/);
});

test('an operator names the application', async () => {
  const token = await mint('native', ['--subject', '1', '--key', app.nexmo.private_key_file]);
  const operator = server.ready.operator_key;
  const named = await online(['--application-id', app.id, token], '', operator);
  assert.equal(named.code, 0, named.stderr);
  const unnamed = await online([token], '', operator);
  assert.deepEqual([unnamed.code, unnamed.stdout], [1, '']);
  assert.match(unnamed.stderr, /application_required.*\n.*--application-id ID/);
});

test('what is asked in a wrong way, or of nobody', async () => {
  const nobody = { COUNTERSIGN_URL: 'http://127.0.0.1:1', COUNTERSIGN_KEY: app.api_key };
  for (const [args, env, code, words] of [
    [['x.y.z'], nobody, 3, /127\.0\.0\.1:1 was not reached/],
    [['-'], nobody, 3, /was not reached/],
    [['x.y.z'], { COUNTERSIGN_URL: server.ready.url, COUNTERSIGN_KEY: 'cs_sk_none' }, 1, /401/],
    [['x.y.z'], { COUNTERSIGN_URL: server.ready.url, COUNTERSIGN_KEY: app.publishable_key }, 1, /403/],
    [['--at', '1', 'x.y.z'], nobody, 2, /a server judges by its own clock/],
    [['--application', file, '--application-id', app.id, 'x.y.z'], nobody, 2, /--application-id is for a server/],
    [['x.y.z'], {}, 2, /--application FILE.*--key KEY/],
  ]) {
    const run = await countersign(['token', 'explain', ...args], 'x.y.z\n', env);
    assert.deepEqual([run.code, run.stdout], [code, ''], run.stderr);
    assert.match(run.stderr, words);
    assert.ok(!run.stderr.includes(app.api_key));
  }
});

test('a reader that has gone ends it quietly', async () => {
  const child = spawn(binary, ['token', 'explain', '--application', file, '--json', '-']);
  const closed = once(child, 'close');
  let log = '';
  child.stderr.on('data', (chunk) => (log += chunk));
  child.stdin.on('error', () => {});
  // The pipe is closed before there is anything to write into it.
  child.stdout.destroy();
  await once(child.stdout, 'close');
  child.stdin.end('x.y.z\n'.repeat(1_000));
  assert.deepEqual([await closed, log], [[141, null], '']);
});
