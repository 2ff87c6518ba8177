// Applications and their keys: what an operator sets up, and how a backend's own
// keys take turns, over HTTP and by the command line.
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import jsonwebtoken from 'jsonwebtoken';
import { call, countersign, dev } from './support/countersign.mjs';

let folder;
let server;
let url;
let operator;
const secrets = [];
let log = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  server = await dev(folder);
  ({ url, operator_key: operator } = server.ready);
});

after(async () => {
  await stop();
  await rm(folder, { recursive: true });
  for (const secret of secrets) assert.ok(!log.includes(secret), 'no secret is in the log');
  assert.doesNotMatch(log, /cs_(at|rt|sk)_|eyJ|PRIVATE KEY/, 'no token and no key is in the log');
});

async function stop() {
  const { code, stderr } = await server.stop();
  log += stderr;
  assert.equal(code, 0, stderr);
}

async function ok(method, path, options) {
  const answer = await call(url, method, path, options);
  assert.ok(answer.status < 300, `${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

async function refused(expected, method, path, options) {
  const answer = await call(url, method, path, options);
  assert.deepEqual([answer.status, answer.body?.code], expected, `${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/// An application of its own, with an admin key.
async function application() {
  const name = `Shop ${randomUUID()}`;
  const { id } = await ok('POST', '/v1/applications', { bearer: operator, body: { name } });
  const path = `/v1/applications/${id}`;
  const admin = await ok('POST', `${path}/api-keys`, { bearer: operator, body: { name: 'backend', roles: ['admin'] } });
  secrets.push(admin.key);
  const at = (method, below, body) => ok(method, `${path}${below}`, { bearer: admin.key, body });
  const not = (expected, method, below, body) => refused(expected, method, `${path}${below}`, { bearer: admin.key, body });
  return { id, path, admin: admin.key, at, not };
}

const rsa = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });

const native = (app, key, options = {}, subject = 'customer-42') =>
  jsonwebtoken.sign({}, key, {
    algorithm: 'RS256', audience: app.id, subject, jwtid: randomUUID(), expiresIn: 600, ...options,
  });

const login = (credential) => call(url, 'POST', '/v1/sessions', { body: { credential } });

async function logsIn(credential) {
  const { status, body } = await login(credential);
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}

async function doesNotLogIn(credential, code) {
  const { status, body } = await login(credential);
  assert.deepEqual([status, body.code], [401, code], JSON.stringify(body));
}

test('an operator creates an application, and a backend brings its own key', async () => {
  const app = await application();
  const { publicKey, privateKey } = rsa();
  const key = await app.at('POST', '/keys', { algorithm: 'RS256', kid: 'web-1', public_key_pem: publicKey });
  assert.deepEqual([key.kid, key.algorithm, key.state, key.last_used_at], ['web-1', 'RS256', 'current', null]);
  assert.equal(key.private_key_pem, undefined);
  const { user } = await logsIn(native(app, privateKey));
  assert.equal(user.external_id, 'customer-42');
  await app.not([409, 'conflict'], 'POST', '/keys', { algorithm: 'RS256', kid: 'web-1', public_key_pem: rsa().publicKey });
  await app.not([400, 'bad_request'], 'POST', '/keys', { algorithm: 'RS256', public_key_pem: privateKey });
  await app.not([400, 'bad_request'], 'POST', '/keys', { algorithm: 'ES256', public_key_pem: publicKey });
  await app.not([400, 'bad_request'], 'POST', '/keys', { algorithm: 'RS256', public_key_pem: publicKey, secret: 'x' });
});

test('a JWK is imported with its own kid, also without alg', async () => {
  const app = await application();
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'jwk-1' };
  await app.not([400, 'bad_request'], 'POST', '/keys', { jwk });
  const key = await app.at('POST', '/keys', { algorithm: 'RS256', jwk });
  assert.equal(key.kid, 'jwk-1');
  await logsIn(native(app, privateKey, { keyid: 'jwk-1' }));
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  assert.equal((await app.at('POST', '/keys', { jwk: curve.publicKey.export({ format: 'jwk' }) })).algorithm, 'ES256');
  await logsIn(native(app, curve.privateKey, { algorithm: 'ES256' }));
  await app.not([400, 'bad_request'], 'POST', '/keys', { jwk: curve.privateKey.export({ format: 'jwk' }) });
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  await app.not([400, 'bad_request'], 'POST', '/keys', { jwk: p384.publicKey.export({ format: 'jwk' }) });
  const k = randomBytes(32);
  const oct = { kty: 'oct', alg: 'HS256', k: k.toString('base64url') };
  assert.equal((await app.at('POST', '/keys', { jwk: oct })).algorithm, 'HS256');
  await logsIn(native(app, k, { algorithm: 'HS256' }));
});

test('a generated key is shown once, and signs', async () => {
  const app = await application();
  for (const algorithm of ['RS256', 'ES256', 'HS256']) {
    const made = await app.at('POST', '/keys', { algorithm });
    const signs = made.private_key_pem ?? made.secret;
    secrets.push(signs);
    await logsIn(native(app, signs, { algorithm }));
    const shown = await app.at('GET', `/keys/${made.kid}`);
    assert.deepEqual(Object.keys(shown), ['kid', 'algorithm', 'state', 'created_at', 'last_used_at']);
  }
  const sinch = await app.at('POST', '/keys', { algorithm: 'sinch-hmac-sha256' });
  assert.equal(Buffer.from(sinch.secret_base64, 'base64').length, 32);
  const { keys } = await app.at('GET', '/keys');
  assert.equal(keys.length, 4);
  const first = await app.at('GET', '/keys?limit=3');
  const rest = await app.at('GET', `/keys?limit=3&cursor=${first.next}`);
  assert.deepEqual([...first.keys, ...rest.keys], keys);
  assert.equal(rest.next, undefined);
});

test('rotation: previous still logs in, standby only by its name, revoked never again', async () => {
  const app = await application();
  const [one, two, three] = [rsa(), rsa(), rsa()];
  for (const [kid, { publicKey }] of [['one', one], ['two', two], ['three', three]]) {
    await app.at('POST', '/keys', { algorithm: 'RS256', kid, public_key_pem: publicKey });
  }
  const states = async () =>
    Object.fromEntries((await app.at('GET', '/keys')).keys.map(({ kid, state }) => [kid, state]));
  assert.deepEqual(await states(), { one: 'current', two: 'standby', three: 'standby' });
  await logsIn(native(app, one.privateKey));
  await doesNotLogIn(native(app, two.privateKey), 'bad_signature');
  await logsIn(native(app, two.privateKey, { keyid: 'two' }));
  await app.at('PATCH', '/keys/two', { state: 'current' });
  assert.deepEqual(await states(), { one: 'previous', two: 'current', three: 'standby' });
  for (const { privateKey } of [one, two]) await logsIn(native(app, privateKey));
  await app.at('PATCH', '/keys/three', { state: 'current' });
  assert.deepEqual(await states(), { one: 'standby', two: 'previous', three: 'current' });
  await doesNotLogIn(native(app, one.privateKey), 'bad_signature');
  const session = await logsIn(native(app, two.privateKey));
  assert.equal((await app.at('PATCH', '/keys/two', { state: 'revoked' })).state, 'revoked');
  for (const options of [{}, { keyid: 'two' }]) {
    const { status } = await login(native(app, two.privateKey, options));
    assert.equal(status, 401);
  }
  await refused([401, 'session_ended'], 'GET', '/v1/sessions', { bearer: session.access_token });
  await app.not([409, 'conflict'], 'PATCH', '/keys/two', { state: 'current' });
  await app.not([400, 'bad_request'], 'PATCH', '/keys/three', { state: 'dead' });
  await app.not([404, 'not_found'], 'PATCH', '/keys/four', { state: 'current' });
  await logsIn(native(app, three.privateKey));
  const { audit } = await app.at('GET', '/audit');
  // Those that make room are told of, too.
  const moves = audit.map(({ action, target, before, after }) => {
    const [from, to] = [before, after].map((text) => JSON.parse(text)?.state);
    return `${action} ${target} ${from} ${to}`;
  });
  assert.deepEqual(moves.slice(0, 6), [
    'key.revoke two previous revoked',
    'key.change two current previous',
    'key.change one previous standby',
    'key.change three standby current',
    'key.change one current previous',
    'key.change two standby current',
  ]);
});

test('a weak secret is refused, then taken when the call says so, and the log tells it', async () => {
  const app = await application();
  const secret = 'short-but-in-use';
  const problem = await app.not([400, 'bad_request'], 'POST', '/keys', { algorithm: 'HS256', secret });
  assert.match(problem.hint, /allow_weak/);
  await app.at('POST', '/keys', { algorithm: 'HS256', kid: 'old', secret, allow_weak: true });
  await logsIn(native(app, secret, { algorithm: 'HS256' }));
  const { audit } = await app.at('GET', '/audit');
  assert.match(audit[0].detail, /shorter/);
  assert.ok(!JSON.stringify(audit).includes(secret), 'no secret is in the audit log');
  await app.not([400, 'bad_request'], 'POST', '/keys', { algorithm: 'HS256', secret: '', allow_weak: true });
});

test('an API key is held to its network, its end and its roles', async () => {
  const app = await application();
  const make = (body) => app.at('POST', '/api-keys', { name: 'k', ...body });
  const here = await make({ roles: ['user'], cidr: '127.0.0.0/8', expires_in_days: 30 });
  assert.match(here.key, /^cs_sk_/);
  assert.equal(here.last_characters, here.key.slice(-4));
  assert.ok(new Date(here.expires_at) - Date.now() > 29 * 86_400_000);
  await ok('GET', '/v1/users', { bearer: here.key });
  await refused([403, 'not_permitted'], 'GET', `${app.path}/settings`, { bearer: here.key });
  const elsewhere = await make({ roles: ['user'], cidr: '203.0.113.0/24' });
  await refused([403, 'not_permitted'], 'GET', '/v1/users', { bearer: elsewhere.key });
  const page = await make({ roles: ['tracking'] });
  assert.match(page.key, /^cs_pk_/);
  await ok('POST', '/v1/sessions/anonymous', { bearer: page.key, body: {} });
  for (const body of [
    { roles: [] }, { roles: ['god'] }, { roles: ['user'], expires_in_days: 0 }, { roles: ['user'], expires_in_days: 3651 },
    { roles: ['user'], cidr: '127.0.0.1' }, { name: '', roles: ['user'] },
  ]) {
    await app.not([400, 'bad_request'], 'POST', '/api-keys', { name: 'k', ...body });
  }
  await app.not([403, 'not_permitted'], 'POST', '/api-keys', { name: 'k', roles: ['operator'] });
  await refused([403, 'not_permitted'], 'POST', '/v1/api-keys', { bearer: app.admin, body: { name: 'k', roles: ['operator'] } });
  const { api_keys } = await app.at('GET', '/api-keys');
  assert.equal(api_keys.length, 4);
  assert.ok(!JSON.stringify(api_keys).includes('cs_'), 'a list shows no key');
  await app.at('DELETE', `/api-keys/${here.id}`);
  await refused([401, 'unknown_key'], 'GET', '/v1/users', { bearer: here.key });
  await app.not([404, 'not_found'], 'DELETE', `/api-keys/${here.id}`);
  assert.equal((await app.at('GET', '/api-keys')).api_keys.length, 3);
});

test('an operator makes operator keys, and never revokes the one that asks', async () => {
  const second = await ok('POST', '/v1/api-keys', { bearer: operator, body: { name: 'two', roles: ['operator'] } });
  secrets.push(second.key);
  await ok('GET', '/v1/applications', { bearer: second.key });
  await refused([409, 'conflict'], 'DELETE', `/v1/api-keys/${second.id}`, { bearer: second.key });
  await ok('DELETE', `/v1/api-keys/${second.id}`, { bearer: operator });
  await refused([401, 'unknown_key'], 'GET', '/v1/applications', { bearer: second.key });
  const { audit } = await ok('GET', '/v1/audit', { bearer: operator });
  assert.deepEqual([audit[0].action, audit[0].target], ['api_key.revoke', second.id]);
  await refused([400, 'bad_request'], 'POST', '/v1/api-keys', { bearer: operator, body: { name: 'x', roles: ['admin'] } });
});

test('settings hold from the next request on, and null resets them', async () => {
  const app = await application();
  const { publicKey, privateKey } = rsa();
  await app.at('POST', '/keys', { algorithm: 'RS256', public_key_pem: publicKey });
  const defaults = await app.at('GET', '/settings');
  assert.deepEqual(defaults.one_time, { nexmo: false, kustomer: false, sinch: false, native: true });
  assert.deepEqual([defaults.access_s, defaults.merge, defaults.allowed_origins], [600, 'merge', []]);
  const once = native(app, privateKey);
  await logsIn(once);
  await doesNotLogIn(once, 'credential_used');
  const patched = await app.at('PATCH', '/settings', { one_time: { native: false }, unknown_user: { native: 'refuse' } });
  assert.equal(patched.one_time.native, false);
  const often = native(app, privateKey);
  await logsIn(often);
  await logsIn(often);
  await doesNotLogIn(native(app, privateKey, {}, 'nobody-yet'), 'unknown_user');
  const reset = await app.at('PATCH', '/settings', { one_time: null, unknown_user: { native: null } });
  assert.deepEqual(reset, defaults);
  await logsIn(native(app, privateKey, {}, 'nobody-yet'));
  for (const [body, member] of [
    [{ access_s: 0 }, /access_s/], [{ idle_days: -1 }, /idle_days/], [{ leeway_s: 1.5 }, /leeway_s/], [{ merge: 'x' }, /merge/],
    [{ allowed_origins: ['https://a.example/'] }, /allowed_origins/], [{ default_acl: { paths: { x: {} } } }, /default_acl/],
    [{ one_time: { other: true } }, /other/], [{ no_such: 1 }, /no_such/],
  ]) {
    const problem = await app.not([400, 'bad_request'], 'PATCH', '/settings', body);
    assert.match(problem.detail, member);
  }
  assert.deepEqual(await app.at('GET', '/settings'), defaults);
});

test('many changes of settings at once lose none', async () => {
  const app = await application();
  const members = { idle_days: 7, absolute_days: 70, sessions_max: 5 };
  const changes = Object.entries(members).map(([member, value]) => app.at('PATCH', '/settings', { [member]: value }));
  await Promise.all(changes);
  const after = await app.at('GET', '/settings');
  for (const [member, value] of Object.entries(members)) assert.equal(after[member], value, member);
});

test("another application's admin key gets nothing, a user's token neither", async () => {
  const [app, other] = [await application(), await application()];
  const { publicKey, privateKey } = rsa();
  await app.at('POST', '/keys', { algorithm: 'RS256', kid: 'k', public_key_pem: publicKey });
  const { access_token } = await logsIn(native(app, privateKey));
  for (const [method, below, body] of [
    ['GET', ''], ['PATCH', '', { name: 'x' }], ['DELETE', ''], ['GET', '/export'], ['GET', '/keys'], ['GET', '/keys/k'],
    ['POST', '/keys', { algorithm: 'HS256' }], ['PATCH', '/keys/k', { state: 'revoked' }], ['GET', '/api-keys'],
    ['POST', '/api-keys', { name: 'x', roles: ['user'] }], ['DELETE', '/api-keys/KEY-0190d1c4-0000-7000-8000-000000000001'],
    ['GET', '/settings'], ['PATCH', '/settings', {}], ['GET', '/audit'],
  ]) {
    await refused([404, 'not_found'], method, `${app.path}${below}`, { bearer: other.admin, body });
    await refused([403, 'not_permitted'], method, `${app.path}${below}`, { bearer: access_token, body });
    await refused([401, 'no_credential'], method, `${app.path}${below}`, { body });
  }
  await refused([403, 'not_permitted'], 'POST', '/v1/applications', { bearer: app.admin, body: { name: 'x' } });
  const { applications } = await ok('GET', '/v1/applications', { bearer: app.admin });
  assert.deepEqual(applications.map(({ id }) => id), [app.id]);
  assert.equal((await app.at('GET', '/keys')).keys.length, 1);
});

test('an operator renames, aliases and deletes an application', async () => {
  const app = await application();
  const alias = `alias-${randomUUID()}`;
  const changed = await ok('PATCH', app.path, { bearer: operator, body: { name: 'New name', alias } });
  assert.deepEqual([changed.name, changed.alias], ['New name', alias]);
  const other = await application();
  await refused([409, 'conflict'], 'PATCH', other.path, { bearer: operator, body: { alias } });
  await refused([400, 'bad_request'], 'PATCH', app.path, { bearer: operator, body: { slug: 'x1' } });
  await refused([400, 'application_required'], 'GET', '/v1/applications/current', { bearer: operator });
  await ok('DELETE', app.path, { bearer: operator });
  await refused([404, 'not_found'], 'GET', app.path, { bearer: operator });
  await refused([401, 'unknown_key'], 'GET', '/v1/users', { bearer: app.admin });
  const { audit } = await ok('GET', '/v1/audit', { bearer: operator });
  assert.deepEqual([audit[0].action, audit[0].target], ['application.delete', app.id]);
});

test('the command line does the same, and its export explains tokens', async () => {
  const cli = (...args) => countersign([...args, '--url', url, '--key', operator]);
  const json = async (...args) => {
    const { code, stdout, stderr } = await cli(...args, '--json');
    assert.equal(code, 0, stderr);
    return stdout === '' ? null : JSON.parse(stdout);
  };
  const { id } = await json('application', 'create', 'By hand', '--slug', 'by-hand');
  const here = ['--application', id];
  const { publicKey, privateKey } = rsa();
  const pem = join(folder, 'public.pem');
  await writeFile(pem, publicKey);
  const { keys } = await json('key', 'import', ...here, '--algorithm', 'RS256', '--kid', 'one', '--public-key', pem);
  assert.equal(keys[0].state, 'current');
  const made = await json('key', 'create', ...here, '--algorithm', 'RS256', '--kid', 'two');
  assert.match(made.private_key_pem, /^-----BEGIN PRIVATE KEY-----/);
  assert.equal((await json('key', 'rotate', ...here, 'two')).state, 'current');
  const table = await cli('key', 'list', ...here);
  assert.match(table.stdout, /^KID +ALGORITHM +STATE/);
  assert.match(table.stdout, /one +RS256 +previous/);
  const weak = await cli('key', 'import', ...here, '--algorithm', 'sinch-hmac-sha256', '--secret-base64', 'AAEC');
  assert.equal(weak.code, 1);
  assert.match(weak.stderr, /allow_weak|allow-weak/);
  const key = await json('api-key', 'create', 'backend', '--role', 'admin', '--role', 'user', ...here);
  assert.deepEqual(key.roles, ['admin', 'user']);
  const user = await json('user', 'create', '--external-id', 'customer-42', '--email', 'a+b@example.com', ...here);
  const found = await json('user', 'list', '--email', 'a+b@example.com', ...here);
  assert.deepEqual(found.users.map((each) => each.id), [user.id]);

  const file = join(folder, 'application.json');
  await writeFile(file, (await countersign(['application', 'export', '--url', url, '--key', key.key])).stdout);
  const explain = async (token) => {
    const { stdout } = await countersign(['token', 'explain', '--application', file, '--json', token]);
    return JSON.parse(stdout);
  };
  for (const signs of [privateKey, made.private_key_pem]) {
    assert.equal((await explain(native({ id }, signs))).accepted, true);
  }
  await json('key', 'revoke', ...here, 'one');
  await writeFile(file, (await countersign(['application', 'export', '--url', url, '--key', key.key])).stdout);
  assert.equal((await explain(native({ id }, privateKey))).accepted, false);

  await json('user', 'delete', user.id, ...here);
  assert.equal((await cli('user', 'show', user.id, ...here)).code, 1);
  await json('api-key', 'revoke', key.id, ...here);
  assert.equal((await countersign(['key', 'list', '--url', url, '--key', key.key])).code, 1);
  await json('application', 'delete', id);
  assert.equal((await cli('application', 'show', id)).code, 1);
  assert.equal((await countersign(['key', 'list', '--url', url])).code, 2, 'no key was given');
  assert.equal((await countersign(['key', 'list', '--url', 'http://127.0.0.1:1', '--key', 'x'])).code, 3);
});

test('a restart tells when a key was last used, and changes nothing else of it', async () => {
  const app = await application();
  const { publicKey, privateKey } = rsa();
  const key = await app.at('POST', '/keys', { algorithm: 'RS256', kid: 'used', public_key_pem: publicKey });
  await app.at('POST', '/keys', { algorithm: 'HS256', kid: 'unused' });
  const backend = await app.at('POST', '/api-keys', { name: 'used', roles: ['user'] });
  await app.at('POST', '/api-keys', { name: 'unused', roles: ['user'] });
  const from = Date.now();
  await logsIn(native(app, privateKey));
  await ok('GET', '/v1/users', { bearer: backend.key });
  const until = Date.now();
  await stop();
  server = await dev(folder);
  url = server.ready.url;
  const { keys } = await app.at('GET', '/keys');
  const { api_keys } = await app.at('GET', '/api-keys');
  const used = [...keys, ...api_keys].filter(({ kid, name }) => [kid, name].includes('used'));
  assert.deepEqual({ ...used[0], last_used_at: null }, key);
  for (const { last_used_at } of used) {
    const at = Date.parse(last_used_at);
    assert.ok(from <= at && at <= until, `${last_used_at} is when it was used`);
  }
  const unused = [...keys, ...api_keys].filter(({ kid, name }) => [kid, name].includes('unused'));
  assert.deepEqual(unused.map(({ last_used_at }) => last_used_at), [null, null]);
});
