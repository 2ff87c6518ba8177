// The command line as scripts see it: every command, found by the help texts, ends with the code
// that it promises; sessions are listed and ended; shells complete.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import jsonwebtoken from 'jsonwebtoken';
import { call, countersign, dev } from './support/countersign.mjs';

// Nothing listens there: it takes a privilege.
const NOWHERE = 'http://127.0.0.1:1';
const id = (prefix) => `${prefix}01a3185c-507b-7bab-abab-abababababab`;

/// What each command on live state wants to be told. A new one is added here.
const LIVE = {
  'application create': ['A shop'],
  'application list': [],
  'application show': [],
  'application export': [],
  'application delete': [id('')],
  'key create': ['--algorithm', 'ES256'],
  'key import': ['--algorithm', 'HS256', '--secret', 'x'.repeat(32)],
  'key list': [],
  'key rotate': ['kid'],
  'key revoke': ['kid'],
  'api-key create': ['a key', '--role', 'user'],
  'api-key list': [],
  'api-key revoke': [id('KEY-')],
  'user create': ['--name', 'alice'],
  'user list': [],
  'user show': [id('USR-')],
  'user delete': [id('USR-')],
  'user export': [id('USR-')],
  'user erase': [id('USR-'), '--yes'],
  'session list': [],
  'session revoke': ['--user', 'name:alice'],
  'audit list': [],
  'audit verify': [],
  'token explain': ['a.b.c'],
};

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

/// Every command that does something, by the help texts, with its flags.
async function leaves(path = []) {
  const { stdout, code } = await countersign([...path, '--help']);
  assert.equal(code, 0);
  const [, commands] = stdout.split(/^Commands:$/m);
  if (!commands) return [{ path, help: stdout }];
  const names = [...commands.split(/^$/m)[0].matchAll(/^ {2}(\S+)/gm)].map(([, name]) => name);
  const below = names.filter((name) => name !== 'help').map((name) => leaves([...path, name]));
  return (await Promise.all(below)).flat();
}

test('every command ends with the code that scripts rely on', async () => {
  const found = await leaves();
  const live = found.filter(({ help }) => /COUNTERSIGN_KEY\b/.test(help));
  const names = live.map(({ path }) => path.join(' ')).sort();
  assert.deepEqual(names, Object.keys(LIVE).sort(), 'what asks a server is in the table');
  const end = async (path, args, options) => {
    const { code, stdout, stderr } = await asked([...path, ...args], options);
    // One sentence, and perhaps what to do; nothing that a script could take for an answer.
    assert.match(stderr, /^error: /, path.join(' '));
    assert.equal(stdout, '', path.join(' '));
    return code;
  };
  for (const { path } of found) {
    const name = path.join(' ');
    assert.equal(await end(path, ['--no-such-flag']), 2, name);
  }
  for (const { path } of live) {
    const name = path.join(' ');
    const given = LIVE[name];
    assert.equal(await end(path, given, { url: NOWHERE }), 3, name);
    assert.equal(await end(path, given, { key: 'cs_sk_nobody' }), 1, name);
    assert.equal(await end(path, given, { url: 'not a url' }), 2, name);
    const { code } = await countersign([...path, ...given, '--key', 'x', '--key-file', '/no/such/file', '--url', NOWHERE]);
    assert.equal(code, 3, `${name}: --key goes first`);
    const unread = await countersign([...path, ...given, '--key-file', join(folder, 'none')], '', { COUNTERSIGN_KEY: undefined });
    assert.equal(unread.code, 2, name);
  }
});

test('sessions are listed, of one and of all, and ended by whatever they have', async () => {
  const login = async (subject) => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iat: now, externalId: subject, jti: randomUUID() };
    const credential = jsonwebtoken.sign(claims, app.kustomer.secret, { algorithm: 'HS256' });
    const body = { credential };
    const answer = await call(server.ready.url, 'POST', '/v1/sessions', { bearer: app.publishable_key, body });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return { ...answer.body, jti: claims.jti };
  };
  const listed = async (args = []) => {
    const { code, stdout, stderr } = await asked(['session', 'list', '--json', ...args]);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).sessions.map((session) => session.id).sort();
  };
  const [first, second, other] = [await login('anna'), await login('anna'), await login('bert')];
  const ids = (...logins) => logins.map(({ session }) => session.id).sort();
  assert.deepEqual(await listed(), ids(first, second, other));
  assert.deepEqual(await listed(['--user', 'external_id:anna']), ids(first, second));
  assert.deepEqual(await listed(['--user', other.user.id]), ids(other));
  const table = await asked(['session', 'list', '--user', 'external_id:bert']);
  assert.match(table.stdout, new RegExp(`^ID .*\n${other.session.id}  ${other.user.id}  DEV-.*kustomer`));
  const nobody = await asked(['session', 'list', '--user', 'external_id:carl']);
  assert.deepEqual([nobody.code, nobody.stderr], [1, 'error: there is no user external_id:carl here\n']);

  const revoked = async (args, sentence) => {
    const { code, stdout, stderr } = await asked(['session', 'revoke', ...args]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, sentence);
  };
  await revoked([first.session.id], /^SES-.* is over, and the credential that opened it opens nothing more\.\n$/);
  assert.deepEqual(await listed(), ids(second, other));
  await revoked(['--device', second.session.device_id], /^All sessions on DEV-/);
  assert.deepEqual(await listed(), ids(other));
  await revoked(['--jti', other.jti], /^The credential .* is refused from now on/);
  assert.deepEqual(await listed(), []);
  const late = await login('bert');
  const earlier = new Date(Date.now() - 3_600_000).toISOString();
  await revoked(['--user', 'external_id:bert', '--before', earlier], new RegExp(`up to ${earlier}`));
  assert.deepEqual(await listed(), ids(late));
  const json = await asked(['session', 'revoke', '--user', late.user.id, '--json']);
  assert.deepEqual(JSON.parse(json.stdout).target, { user_id: late.user.id });
  assert.deepEqual(await listed(), []);
});

test('more people than a page are listed to the end', async () => {
  const opened = [];
  for (let number = 0; number < 105; number += 1) {
    const { body } = await call(server.ready.url, 'POST', '/v1/sessions/anonymous', {
      bearer: app.publishable_key,
      body: {},
    });
    // A visitor is written down with what it writes first.
    await call(server.ready.url, 'POST', '/v1/conversations', { bearer: body.access_token, body: {} });
    opened.push(body.session.id);
  }
  const { stdout } = await asked(['session', 'list', '--json']);
  const listed = JSON.parse(stdout).sessions;
  assert.deepEqual(listed.map((session) => session.id), opened.sort());
  assert.deepEqual([...new Set(listed.map(({ dialect }) => dialect))], [null]);
});

test('shells are told the commands, and bash completes them', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, stdout } = await countersign(['completions', shell]);
    assert.equal(code, 0);
    for (const word of ['audit', 'verify', 'completions']) assert.ok(stdout.includes(word), `${shell}: ${word}`);
  }
  const { stdout: script } = await countersign(['completions', 'bash']);
  const file = join(folder, 'completions.bash');
  await writeFile(file, script);
  const ask = `source "$0"; COMP_WORDS=(countersign audit v); COMP_CWORD=2; _countersign countersign v audit; echo "\${COMPREPLY[@]}"`;
  const { stdout } = await promisify(execFile)('bash', ['-c', ask, file]);
  assert.equal(stdout, 'verify\n');
});
