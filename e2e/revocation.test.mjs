// Revocation over the real binary: each kind ends what it covers at the next
// request, and a restart forgets none of them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import jsonwebtoken from 'jsonwebtoken';
import { call, dev } from './support/countersign.mjs';

let folder;
let server;
let app;
let url;
let privateKey;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  await start();
  privateKey = await readFile(app.nexmo.private_key_file, 'utf8');
});

after(async () => {
  const { stderr } = await server.stop();
  await rm(folder, { recursive: true });
  assert.doesNotMatch(stderr, /cs_(at|rt|sk)_|eyJ/, 'no token is in the log');
});

async function start() {
  server = await dev(folder);
  ({ url, application: app } = server.ready);
}

const seconds = () => Math.floor(Date.now() / 1000);

// A second ahead is within the leeway, and later than any revocation of now.
const mint = (sub, { iat = seconds(), jwtid = randomUUID(), keyid } = {}) =>
  jsonwebtoken.sign({ iat, exp: iat + 600 }, privateKey, {
    algorithm: 'RS256', audience: app.id, subject: sub, jwtid, ...(keyid && { keyid }),
  });

const login = (credential, body = {}, bearer = app.publishable_key) =>
  call(url, 'POST', '/v1/sessions', { bearer, body: { credential, ...body } });

async function session(sub, options) {
  const credential = mint(sub, options);
  const { status, body } = await login(credential);
  assert.equal(status, 201, JSON.stringify(body));
  return { ...body, credential };
}

async function revoke(body, bearer = app.api_key) {
  const answer = await call(url, 'POST', '/v1/revocations', { bearer, body });
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  const { before, ...target } = body;
  assert.deepEqual(answer.body.target, target);
  assert.ok(Date.parse(answer.body.before) <= Date.now());
  if (before) assert.equal(Date.parse(answer.body.before), Date.parse(before));
  return answer.body;
}

async function alive({ access_token }) {
  const { status, body } = await call(url, 'GET', '/v1/sessions', { bearer: access_token });
  assert.equal(status, 200, JSON.stringify(body));
  return body.sessions;
}

async function dead({ access_token, refresh_token }) {
  const used = await call(url, 'GET', '/v1/sessions', { bearer: access_token });
  assert.deepEqual([used.status, used.body.code], [401, 'session_ended']);
  const refreshed = await call(url, 'POST', '/v1/sessions/refresh', { body: { refresh_token } });
  assert.deepEqual([refreshed.status, refreshed.body.code], [401, 'session_ended']);
  assert.deepEqual(await introspect(access_token), { active: false });
  assert.deepEqual(await introspect(refresh_token), { active: false });
}

async function refused(credential, code) {
  const { status, body } = await login(credential);
  assert.deepEqual([status, body.code], [401, code]);
}

async function introspect(token, hint) {
  const parameters = new URLSearchParams({ token, ...(hint && { token_type_hint: hint }) });
  const response = await fetch(`${url}/v1/tokens/introspect`, {
    method: 'POST',
    headers: { authorization: `Bearer ${app.api_key}` },
    body: parameters,
  });
  assert.equal(response.status, 200);
  return response.json();
}

test('a session, and no other; the credential that opened it too', async () => {
  const [one, other] = [await session('session-alice'), await session('session-alice')];
  assert.equal((await alive(other)).length, 2);
  await revoke({ session_id: one.session.id });
  await dead(one);
  await refused(one.credential, 'credential_revoked');
  assert.deepEqual((await alive(other)).map(({ id }) => id), [other.session.id]);
  await revoke({ session_id: one.session.id });
});

test('a visitor without a row', async () => {
  const { body } = await call(url, 'POST', '/v1/sessions/anonymous', { bearer: app.publishable_key, body: {} });
  assert.equal((await introspect(body.access_token)).active, true);
  await revoke({ session_id: body.session.id });
  await dead(body);
});

test('a device: every session on it, and none elsewhere', async () => {
  const first = await session('device-alice');
  const { body: second } = await login(mint('device-bob'), { device: { id: first.session.device_id } });
  assert.equal(second.session.device_id, first.session.device_id);
  const elsewhere = await session('device-alice');
  await revoke({ device_id: first.session.device_id });
  await dead(first);
  await dead(second);
  await alive(elsewhere);
  const unknown = `DEV-${first.session.device_id.slice(4).replace(/.{12}$/, '000000000000')}`;
  const answer = await call(url, 'POST', '/v1/revocations', { bearer: app.api_key, body: { device_id: unknown } });
  assert.equal(answer.status, 404);
});

test('a user up to now: sessions, and credentials of that second; the next one enters', async () => {
  const [phone, laptop] = [await session('user-alice'), await session('user-alice')];
  const bystander = await session('user-bob');
  const unused = mint('user-alice');
  await revoke({ user_id: phone.user.id });
  await dead(phone);
  await dead(laptop);
  await refused(unused, 'credential_revoked');
  await alive(bystander);
  const again = await session('user-alice', { iat: seconds() + 1 });
  assert.equal(again.user.id, phone.user.id);
  assert.equal((await alive(again)).length, 1, 'what is covered is in no list');
});

test('a user up to a moment that is past: what came later lives', async () => {
  const early = await session('moment-alice', { iat: seconds() - 30 });
  const moment = Date.parse(early.server_time);
  while (Date.now() <= moment) await new Promise(setImmediate);
  const late = await session('moment-alice');
  await revoke({ user_id: early.user.id, before: new Date(moment).toISOString() });
  await dead(early);
  await alive(late);
  await refused(mint('moment-alice', { iat: Math.floor(moment / 1000) - 10 }), 'credential_revoked');
  const ahead = new Date(Date.now() + 60_000).toISOString();
  const body = { user_id: early.user.id, before: ahead };
  const answer = await call(url, 'POST', '/v1/revocations', { bearer: app.api_key, body });
  assert.deepEqual([answer.status, answer.body.code], [400, 'bad_request']);
});

test('a jti: before its use and after it', async () => {
  const used = await session('jti-alice', { jwtid: 'jti-1' });
  await revoke({ jti: 'jti-1' });
  await dead(used);
  await revoke({ jti: 'jti-2' });
  await refused(mint('jti-alice', { jwtid: 'jti-2' }), 'credential_revoked');
  await session('jti-alice', { jwtid: 'jti-3' });
});

test('a deleted user comes back as a new one, and what was minted before cannot enter', async () => {
  const gone = await session('deleted-alice');
  const old = mint('deleted-alice');
  const answer = await call(url, 'DELETE', `/v1/users/${gone.user.id}`, { bearer: app.api_key });
  assert.equal(answer.status, 204);
  await dead(gone);
  await refused(old, 'credential_revoked');
  const back = await session('deleted-alice', { iat: seconds() + 1 });
  assert.notEqual(back.user.id, gone.user.id);
  await refused(old, 'credential_revoked');
});

test('who may revoke what', async () => {
  const { access_token } = await session('rights-alice');
  const target = { jti: 'rights' };
  for (const [bearer, status, code] of [
    [undefined, 401, 'no_credential'],
    [app.publishable_key, 403, 'not_permitted'],
    [access_token, 403, 'not_permitted'],
    [server.ready.operator_key, 400, 'application_required'],
  ]) {
    for (const [path, body] of [
      ['/v1/revocations', target],
      ['/v1/tokens/introspect', { token: 'x' }],
      ['/v1/tokens/explain', { token: 'x' }],
    ]) {
      const answer = await call(url, 'POST', path, { bearer, body });
      assert.deepEqual([answer.status, answer.body.code], [status, code], path);
    }
  }
  // A nexmo application token has the rights of a user key: no keys.
  const backend = jsonwebtoken.sign({ application_id: app.id, jti: randomUUID() }, privateKey, { algorithm: 'RS256' });
  await revoke(target, backend);
  for (const body of [{ kid: 'demo-rs256' }, { api_key_id: `KEY-${randomUUID()}` }, { application_id: app.id }]) {
    const answer = await call(url, 'POST', '/v1/revocations', { bearer: backend, body });
    assert.deepEqual([answer.status, answer.body.code], [403, 'not_permitted'], JSON.stringify(body));
  }
});

test('introspection tells what a living token is worth (RFC 7662)', async () => {
  const { session: opened, user, access_token, refresh_token } = await session('worth-alice');
  const access = await introspect(access_token, 'access_token');
  const { iat, exp, client_id, ...rest } = access;
  assert.deepEqual(rest, {
    active: true, token_type: 'Bearer', token_use: 'access',
    sub: user.id, aud: app.id, session_id: opened.id, device_id: opened.device_id,
  });
  assert.match(client_id, /^KEY-/);
  assert.ok(Math.abs(iat - seconds()) <= 5 && exp - iat === 600, JSON.stringify(access));
  const refresh = await introspect(refresh_token);
  assert.deepEqual([refresh.active, refresh.token_use, refresh.sub], [true, 'refresh', user.id]);
  const json = await call(url, 'POST', '/v1/tokens/introspect', { bearer: app.api_key, body: { token: access_token } });
  assert.deepEqual(json.body, access);
  const jwtid = randomUUID();
  const unused = mint('worth-alice', { jwtid });
  const credential = await introspect(unused);
  assert.deepEqual([credential.active, credential.sub, credential.jti], [true, user.id, jwtid]);
  assert.equal((await login(unused)).status, 201);
  for (const token of [unused, '', 'x', app.api_key, `${access_token}A`, mint('worth-alice', { iat: seconds() - 700 })]) {
    assert.deepEqual(await introspect(token), { active: false });
  }
});

test('the doctor tells what only the server knows, beside its verdict', async () => {
  const explain = async (token, dialect) => {
    const { status, body } = await call(url, 'POST', '/v1/tokens/explain', {
      bearer: app.api_key, body: { token, ...(dialect && { dialect }) },
    });
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  };
  const told = ({ checks }) =>
    Object.fromEntries(checks.slice(-3).map(({ name, passed }) => [name, passed]));
  const credential = mint('doctor-alice', { jwtid: 'doctor' });
  const fresh = await explain(credential);
  assert.deepEqual([fresh.accepted, fresh.dialect, fresh.subject], [true, 'native', 'doctor-alice']);
  assert.deepEqual(told(fresh), { user: true, revocation: true, use: true });
  await login(credential);
  await revoke({ jti: 'doctor' });
  const spent = await explain(credential);
  assert.equal(spent.accepted, true);
  assert.deepEqual(told(spent), { user: true, revocation: false, use: false });
  const nobody = jsonwebtoken.sign({ application_id: app.id, sub: 'nobody', jti: randomUUID() }, privateKey, { algorithm: 'RS256' });
  const unknown = await explain(nobody, 'nexmo');
  assert.equal(unknown.accepted, true);
  assert.deepEqual(told(unknown), { user: false, revocation: true, use: true });
  const late = await explain(mint('doctor-alice', { iat: seconds() - 700 }));
  assert.deepEqual([late.accepted, late.code], [false, 'expired']);
  const insisted = await explain(credential, 'kustomer');
  assert.equal(insisted.accepted, false);
});

test('a restart keeps every revocation; then a key, and an API key, end all that is theirs', async () => {
  const [one, other] = [await session('restart-alice'), await session('restart-bob')];
  const unused = mint('restart-bob');
  await revoke({ session_id: one.session.id });
  await revoke({ user_id: other.user.id });
  await revoke({ jti: 'restart' });
  const living = await session('restart-carol');
  await server.stop();
  await start();
  await dead(one);
  await dead(other);
  await refused(one.credential, 'credential_revoked');
  await refused(unused, 'credential_revoked');
  await refused(mint('restart-carol', { jwtid: 'restart' }), 'credential_revoked');
  await alive(living);

  const page = (await introspect(living.access_token)).client_id;
  const kustomer = await login(jsonwebtoken.sign({ externalId: 'restart-dora' }, app.kustomer.secret));
  await revoke({ kid: 'demo-rs256' });
  await dead(living);
  await alive(kustomer.body);
  await refused(mint('restart-carol', { iat: seconds() + 1 }), 'unknown_key');
  await refused(mint('restart-carol', { iat: seconds() + 1, keyid: 'demo-rs256' }), 'unknown_key');
  await revoke({ api_key_id: page });
  await dead(kustomer.body);
  const answer = await login(jsonwebtoken.sign({ externalId: 'restart-dora' }, app.kustomer.secret));
  assert.deepEqual([answer.status, answer.body.code], [401, 'unknown_key']);

  await server.stop();
  await start();
  await dead(living);
  await dead(kustomer.body);
  await refused(mint('restart-carol', { iat: seconds() + 1 }), 'unknown_key');

  const { status } = await call(url, 'POST', `/v1/revocations?application_id=${app.id}`, {
    bearer: server.ready.operator_key, body: { application_id: app.id },
  });
  assert.equal(status, 201);
});
