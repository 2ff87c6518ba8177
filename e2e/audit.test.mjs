// The audit log: its chain is made anew by somebody else here, and every way of changing the
// database past the server is found by the command that looks for it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { call, countersign, dev } from './support/countersign.mjs';
import { DEADLINE_MS } from './support/place.mjs';

const PYTHON = fileURLToPath(new URL('./.venv/bin/python', import.meta.url));
const INSTALLATION = '00000000-0000-0000-0000-000000000000';

let folder;
let server;
let app;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  server = await dev(join(folder, 'data'));
  app = server.ready.application;
});

after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const asked = (args, { key = app.api_key, url = server.ready.url } = {}) =>
  countersign(args, '', { COUNTERSIGN_URL: url, COUNTERSIGN_KEY: key });

async function done(method, path, body, bearer = app.api_key) {
  const answer = await call(server.ready.url, method, path, { bearer, body });
  assert.ok(answer.status < 300, `${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

async function log(path = '/v1/applications/current/audit', bearer = app.api_key) {
  const entries = [];
  for (;;) {
    const page = await done('GET', `${path}?after=${entries.length}&limit=3`, undefined, bearer);
    entries.push(...page.audit);
    if (!page.next) return entries;
  }
}

/// The log, once all of it is sealed.
async function sealed(path, bearer) {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const entries = await log(path, bearer);
    if (entries.every(({ digest }) => digest)) return entries;
    assert.ok(Date.now() < deadline, `not sealed: ${JSON.stringify(entries.at(-1))}`);
  }
}

/// What administrators do, each once.
async function administer() {
  const { id: user } = await done('POST', '/v1/users', {
    name: 'alice',
    email: 'alice@example.com',
    display_name: 'Alice "A."',
  });
  await done('PATCH', `/v1/users/${user}`, { blocked: true, email: null });
  await done('PATCH', `/v1/users/${user}`, { blocked: false });
  const current = '/v1/applications/current';
  await done('PATCH', `${current}/settings`, { access_s: 60, unknown_user: { native: 'refuse' } });
  await done('POST', `${current}/keys`, { algorithm: 'ES256', kid: 'web-1' });
  await done('POST', `${current}/keys`, { algorithm: 'ES256', kid: 'web-2' });
  await done('PATCH', `${current}/keys/web-2`, { state: 'current' });
  await done('PATCH', `${current}/keys/web-1`, { state: 'revoked' });
  const { id: key } = await done('POST', `${current}/api-keys`, { name: 'spare', roles: ['user'] });
  await done('DELETE', `${current}/api-keys/${key}`);
  const { session } = await done('POST', '/v1/sessions/anonymous', {}, app.publishable_key);
  await done('POST', '/v1/revocations', { session_id: session.id });
  await done('POST', '/v1/revocations', { jti: 'jti-1' });
  await done('DELETE', `/v1/users/${user}`);
  return { user, key };
}

// === The format, as the API describes it ===

const part = (bytes) => {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(Buffer.byteLength(bytes)));
  return Buffer.concat([length, Buffer.from(bytes)]);
};
const digestOf = (parts) => createHash('sha256').update(Buffer.concat(parts.map(part))).digest();

function detailsOf({ salt, before, after, detail }) {
  const texts = [before, after, detail].flatMap((text) => (text === null ? ['0'] : ['1', text]));
  return digestOf(['countersign audit details 1', Buffer.from(salt, 'hex'), ...texts]);
}

function chained(application, entries) {
  let head = Buffer.alloc(32);
  entries.forEach((entry, place) => {
    assert.equal(entry.number, place + 1);
    const details = detailsOf(entry);
    assert.equal(details.toString('hex'), entry.details_digest);
    head = digestOf([
      'countersign audit 1',
      head,
      application,
      String(entry.number),
      entry.id,
      String(Date.parse(entry.created_at)),
      entry.actor,
      entry.action,
      entry.target,
      entry.user_id ?? '',
      details,
    ]);
    assert.equal(head.toString('hex'), entry.digest, `entry ${entry.number}`);
  });
  return `${entries.length}:${head.toString('hex')}`;
}

test('what administrators do is told with before and after, and chained as it is described', async () => {
  const { user, key } = await administer();
  const entries = await sealed();
  const told = entries.map(({ action, target, before, after }) => [action, target, before, after]);
  const ofUser = told.filter(([, target]) => target === user).map(([action, , ...sides]) => [action, ...sides]);
  assert.deepEqual(ofUser, [
    ['user.create', null, '{"name":"alice","email":"alice@example.com","display_name":"Alice \\"A.\\""}'],
    ['user.change', '{"email":"alice@example.com","blocked":false}', '{"email":null,"blocked":true}'],
    ['user.change', '{"blocked":true}', '{"blocked":false}'],
    ['user.delete', '{"name":"alice","display_name":"Alice \\"A.\\""}', null],
  ]);
  const find = (action, target) => told.filter((entry) => entry[0] === action && entry[1] === target);
  const [settings] = told.filter(([action]) => action === 'settings.change').slice(-1);
  assert.equal(settings[2].startsWith('{"unknown_user":{"nexmo":'), true, settings[2]);
  assert.match(settings[2], /"native":"create"\},"access_s":600\}$/);
  assert.match(settings[3], /"native":"refuse"\},"access_s":60\}$/);
  const [current, previous, standby] = ['current', 'previous', 'standby'].map((state) => `{"state":"${state}"}`);
  assert.deepEqual(find('key.change', 'web-2'), [['key.change', 'web-2', standby, current]]);
  assert.deepEqual(find('key.change', 'web-1'), [['key.change', 'web-1', current, previous]]);
  assert.deepEqual(find('key.revoke', 'web-1'), [['key.revoke', 'web-1', previous, '{"state":"revoked"}']]);
  const spare = '{"name":"spare","roles":["user"]}';
  assert.deepEqual(find('api_key.create', key), [['api_key.create', key, null, spare]]);
  assert.deepEqual(find('api_key.revoke', key), [['api_key.revoke', key, spare, null]]);
  assert.equal(find('credential.revoke', 'jti-1').length, 1);
  for (const { target } of entries) assert.doesNotMatch(target, /alice/i);

  const head = chained(app.id, entries);
  const verified = await asked(['audit', 'verify', '--json']);
  assert.equal(verified.code, 0, verified.stderr);
  const { first_at, last_at, ...rest } = JSON.parse(verified.stdout);
  assert.deepEqual(rest, {
    verified: true,
    application_id: app.id,
    entries: entries.length,
    erased: 0,
    unsealed: 0,
    head,
  });
  assert.deepEqual([first_at, last_at], [entries[0].created_at, entries.at(-1).created_at]);

  const installation = await sealed('/v1/audit', server.ready.operator_key);
  const ofOperators = await asked(['audit', 'verify', '--installation'], { key: server.ready.operator_key });
  assert.equal(ofOperators.code, 0, ofOperators.stderr);
  assert.ok(ofOperators.stdout.endsWith(`\n${chained(INSTALLATION, installation)}\n`), ofOperators.stdout);
});

test('the log is read as a table, and as an object a line', async () => {
  await done('POST', '/v1/users', { name: 'mallory', display_name: 'a\u202ered' });
  const newest = (await log()).at(-1);
  const table = await asked(['audit', 'list', '--limit', '2']);
  const [heading, first, ...others] = table.stdout.trimEnd().split('\n');
  assert.match(heading, /^NUMBER {2}TIME +ACTOR +ACTION +TARGET +WHAT$/);
  assert.ok(first.startsWith(`${newest.number} `), first);
  assert.ok(first.endsWith('display_name: "a\ufffdred", name: "mallory"'), first);
  assert.equal(others.length, 1);
  const lines = await asked(['audit', 'list', '--limit', '0', '--json']);
  const entries = lines.stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
  const known = await log();
  assert.deepEqual(entries.map(({ id }) => id), known.map(({ id }) => id).reverse());
});

// === The database, changed past the server ===

const SQL = `
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.executescript(sys.argv[2])
database.close()
`;
const run = promisify(execFile);
const change = (data, sql) => run(PYTHON, ['-c', SQL, join(data, 'countersign.db'), sql]);

test('whatever is changed past the server is found, and named', async () => {
  const whole = await sealed();
  const { stdout } = await asked(['audit', 'verify', '--json']);
  const { head } = JSON.parse(stdout);
  const length = whole.length;
  const copy = join(folder, 'changed');
  await server.stop();
  await cp(join(folder, 'data'), copy, { recursive: true });
  const changed = await dev(copy);
  const { url, application } = changed.ready;
  const verify = (args = []) => asked(['audit', 'verify', ...args], { url, key: application.api_key });
  try {
    const same = await verify(['--head', head]);
    assert.equal(same.code, 0, same.stderr);
    const id = `x'${app.id.replaceAll('-', '')}'`;
    const where = (number) => `WHERE application_id = ${id} AND number = ${number}`;
    const byte = (column) => `CAST(substr(${column}, 1, 31) || x'00' AS BLOB)`;
    const columns = {
      id: `CAST(substr(id, 1, 15) || x'00' AS BLOB)`,
      happened_at: 'happened_at + 1',
      actor: `actor || '0'`,
      action: `action || 'd'`,
      target: `target || '0'`,
      user_id: `x'00112233445566778899aabbccddeeff'`,
      before_json: `coalesce(before_json, '') || ' '`,
      after_json: `coalesce(after_json, '') || ' '`,
      detail: `coalesce(detail, '') || ' '`,
      salt: byte('salt'),
      details_digest: byte('details_digest'),
      digest: byte('digest'),
    };
    const spoil = async (sql, undo, number, args) => {
      await change(copy, sql);
      const { code, stderr } = await verify(args);
      assert.equal(code, 1, `${sql}: ${stderr}`);
      assert.match(stderr, new RegExp(`^error: entry ${number} `), sql);
      await change(copy, undo);
    };
    const keep = 'DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT * FROM audit;';
    await change(copy, keep);
    const restore = `DELETE FROM audit; INSERT INTO audit SELECT * FROM kept;`;
    let number = 1;
    for (const [column, value] of Object.entries(columns)) {
      await spoil(`UPDATE audit SET ${column} = ${value} ${where(number)};`, restore, number);
      number = (number % length) + 1;
    }
    const nothing = 'salt = NULL, before_json = NULL, after_json = NULL, detail = NULL';
    await spoil(`UPDATE audit SET ${nothing} ${where(3)};`, restore, 3);
    await spoil(`DELETE FROM audit ${where(4)};`, restore, 4);
    await spoil(`DELETE FROM audit ${where(1)};`, restore, 1);
    await spoil(
      `UPDATE audit SET number = -1 ${where(5)}; UPDATE audit SET number = 5 ${where(6)}; UPDATE audit SET number = 6 ${where(-1)};`,
      restore,
      5,
    );
    const tail = `DELETE FROM audit WHERE application_id = ${id} AND number > ${length - 2};`;
    await spoil(tail, restore, length - 1, ['--head', head]);
    await change(copy, tail);
    const json = await verify(['--head', head, '--json']);
    assert.deepEqual([json.code, json.stderr], [1, '']);
    const answer = JSON.parse(json.stdout);
    assert.deepEqual([answer.verified, answer.entry], [false, length - 1]);
    await change(copy, restore);
    const again = await verify(['--head', head]);
    assert.equal(again.code, 0, again.stderr);
  } finally {
    await changed.stop();
    server = await dev(join(folder, 'data'));
  }
});

test('an entry whose digest was taken away does not pass for a new one', async () => {
  const { stdout } = await asked(['audit', 'verify', '--json']);
  const { entries, head } = JSON.parse(stdout);
  await change(join(folder, 'data'), `UPDATE audit SET digest = NULL WHERE number = ${entries};`);
  const { code, stderr } = await asked(['audit', 'verify', '--head', head]);
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^error: entry ${entries} of .* has no digest`));
});
