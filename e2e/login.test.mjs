// The main job over HTTP: a visitor chats, the backend mints a credential with
// the library that it already uses, and the history follows the login.
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { tokenGenerate } from '@vonage/jwt';
import jsonwebtoken from 'jsonwebtoken';
import { call, dev } from './support/countersign.mjs';

const ticketgen = createRequire(import.meta.url)('sinch-ticketgen');

let folder;
let server;
let app;
let url;
let privateKey;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  server = await dev(folder);
  ({ url, application: app } = server.ready);
  privateKey = await readFile(app.nexmo.private_key_file, 'utf8');
});

after(async () => {
  const { stderr } = await server.stop();
  await rm(folder, { recursive: true });
  for (const secret of [app.api_key, app.kustomer.secret, app.sinch.secret, server.ready.operator_key]) {
    assert.ok(!stderr.includes(secret), 'no secret is in the log');
  }
  assert.doesNotMatch(stderr, /cs_(at|rt|sk)_|eyJ/, 'no token is in the log');
});

async function ok(method, path, options) {
  const answer = await call(url, method, path, options);
  assert.ok(answer.status < 300, `${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const login = (body) => call(url, 'POST', '/v1/sessions', { bearer: app.publishable_key, body });

async function visitorWith(words) {
  const visitor = await ok('POST', '/v1/sessions/anonymous', { bearer: app.publishable_key, body: {} });
  const bearer = visitor.access_token;
  const conversation = await ok('POST', '/v1/conversations', { bearer, body: {} });
  await send(bearer, conversation.id, words);
  return { visitor, conversation: conversation.id };
}

const send = (bearer, conversation, text) =>
  ok('POST', `/v1/conversations/${conversation}/events`, { bearer, body: { type: 'text', body: { text } } });

async function texts(bearer, conversation) {
  const { events } = await ok('GET', `/v1/conversations/${conversation}/events`, { bearer });
  assert.deepEqual(events.map((event) => event.id), events.map((_, index) => index + 1));
  return events.filter((event) => event.type === 'text').map((event) => event.body.text);
}

const seconds = () => Math.floor(Date.now() / 1000);

const credentials = {
  'a nexmo JWT by @vonage/jwt': {
    identify: { name: 'alice-nexmo' },
    mint: () => tokenGenerate(app.id, privateKey, { subject: 'alice-nexmo' }),
  },
  'a nexmo JWT by jsonwebtoken': {
    identify: { name: 'alice-plain' },
    mint: () =>
      jsonwebtoken.sign({ application_id: app.id, sub: 'alice-plain', jti: randomUUID() }, privateKey, {
        algorithm: 'RS256',
      }),
  },
  'a kustomer JWT by jsonwebtoken': {
    identify: { email: 'Alice@Example.com' },
    mint: () => jsonwebtoken.sign({ email: 'alice@example.COM' }, app.kustomer.secret),
    application_id: true,
  },
  'a sinch ticket by sinch-ticketgen': {
    identify: { name: 'alice-ticket' },
    mint: () => ticketgen(app.id, app.sinch.secret, { username: 'alice-ticket' }).userTicket,
  },
  'a sinch JWT by the documented recipe': {
    identify: { name: 'alice-jwt' },
    mint: () => {
      const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
      const key = createHmac('sha256', Buffer.from(app.sinch.secret, 'base64')).update(day).digest();
      const iss = `//rtc.sinch.com/applications/${app.id}`;
      const iat = seconds();
      const claims = { iss, sub: `${iss}/users/alice-jwt`, iat, exp: iat + 600, nonce: randomUUID() };
      return jsonwebtoken.sign(claims, key, { algorithm: 'HS256', keyid: `hkdfv1-${day}` });
    },
  },
  'a native JWT by jsonwebtoken': {
    identify: { external_id: 'customer-42' },
    mint: () =>
      jsonwebtoken.sign({}, privateKey, {
        algorithm: 'RS256', audience: app.id, subject: 'customer-42', jwtid: randomUUID(), expiresIn: 600,
      }),
  },
};

for (const [name, { identify, mint, application_id }] of Object.entries(credentials)) {
  test(`${name}: the history follows the login to a second device`, async () => {
    const user = await ok('POST', '/v1/users', { bearer: app.api_key, body: identify });
    const { visitor, conversation } = await visitorWith(`hello by ${name}`);
    const phone = await login({ credential: mint(), current_token: visitor.access_token });
    assert.equal(phone.status, 201, JSON.stringify(phone.body));
    assert.equal(phone.body.user.id, user.id);
    assert.notEqual(phone.body.session.id, visitor.session.id);
    const laptop = await call(url, 'POST', '/v1/sessions', {
      ...(!application_id && {}),
      body: { credential: mint(), ...(application_id && { application_id: app.id }) },
    });
    assert.equal(laptop.status, 201, JSON.stringify(laptop.body));
    await send(phone.body.access_token, conversation, 'from the phone');
    const words = [`hello by ${name}`, 'from the phone'];
    assert.deepEqual(await texts(laptop.body.access_token, conversation), words);
    assert.deepEqual(await texts(phone.body.access_token, conversation), words);
    const dead = await call(url, 'GET', '/v1/conversations', { bearer: visitor.access_token });
    assert.deepEqual([dead.status, dead.body.code], [401, 'session_ended']);
  });
}

test('a refresh goes on, a second use of the same token ends the session', async () => {
  const { body } = await login({ credential: credentials['a native JWT by jsonwebtoken'].mint() });
  const refresh = (refresh_token, nonce) =>
    call(url, 'POST', '/v1/sessions/refresh', { body: { refresh_token, nonce } });
  const [one, two] = [await refresh(body.refresh_token, 'n1'), await refresh(body.refresh_token, 'n1')];
  assert.deepEqual([one.status, two.status], [200, 200]);
  assert.equal(one.body.access_token, two.body.access_token, 'an honest retry gets the same answer');
  const thief = await refresh(body.refresh_token, 'other');
  assert.deepEqual([thief.status, thief.body.code], [401, 'refresh_reused']);
  const over = await call(url, 'GET', '/v1/sessions', { bearer: one.body.access_token });
  assert.deepEqual([over.status, over.body.code], [401, 'session_ended']);
});
