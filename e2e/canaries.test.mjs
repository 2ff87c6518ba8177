// Secrets stay where they belong. Canaries of every kind are driven through
// every flow of the real binary, with its log at its most verbose, and are then
// looked for in all that it wrote: log, metrics, headers, refusals, explanations,
// the output of commands, and every byte of the data folder, running and stopped.
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { tokenGenerate } from '@vonage/jwt';
import jsonwebtoken from 'jsonwebtoken';
import { apiKey, bytes, canaries, credential, plant, privateKey, search, spellings, tokens, word } from './support/canary.mjs';
import { countersign, dev } from './support/countersign.mjs';
import { trusting } from './support/tls.mjs';

const ticketgen = createRequire(import.meta.url)('sinch-ticketgen');

const texts = [];
let folder;
let data;
let server;
let url;
let operator;
let overTls;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  data = join(folder, 'data');
});

after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const saw = (place, content) => texts.push({ place, bytes: Buffer.from(content) });

/// A call whose answer must have this status; what must not leak is kept.
async function ask(expected, method, path, { bearer, body, form, raw, headers = {}, door = url } = {}) {
  const how = door.startsWith('https:') ? overTls : fetch;
  const response = await how(`${door}${path}`, {
    method,
    headers: {
      ...(bearer && { authorization: `Bearer ${bearer}` }),
      ...((body !== undefined || raw !== undefined) && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: form ?? raw ?? (body === undefined ? undefined : JSON.stringify(body)),
  });
  const content = Buffer.from(await response.arrayBuffer());
  saw('headers', JSON.stringify([...response.headers]));
  if (response.status >= 400) saw('refusal', content);
  assert.equal(response.status, expected, `${method} ${path.slice(0, 80)}: ${content}`);
  if (/^\/v1\/tokens\//.test(path)) saw('explanation', content);
  return /json/.test(response.headers.get('content-type')) ? JSON.parse(content) : content.toString();
}

/// Bytes that no HTTP client would send.
async function sends(request) {
  const socket = connect(new URL(url).port, '127.0.0.1');
  socket.end(request);
  const chunks = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await once(socket, 'close');
  saw('refusal', Buffer.concat(chunks));
}

/// A command whose exit code must be this one.
async function runs(expected, args, { key = operator, input = '', at = url } = {}) {
  const environment = { COUNTERSIGN_KEY: key, COUNTERSIGN_URL: at };
  const { code, stdout, stderr } = await countersign(args, input, environment);
  saw(`command ${args.slice(0, 2).join(' ')}`, stdout + stderr);
  assert.equal(code, expected, `${args.slice(0, 2).join(' ')}: ${stderr}`);
  return stdout;
}

const seconds = () => Math.floor(Date.now() / 1000);
const login = (expected, body, bearer) => ask(expected, 'POST', '/v1/sessions', { bearer, body });

/// What the first start makes by itself.
async function firstStart() {
  const { operator_key, application } = server.ready;
  const told = ['dev.json', 'ready line'];
  operator = apiKey('the operator key', operator_key, 'operator.key', ...told);
  apiKey("the demo application's API key", application.api_key, ...told);
  plant("the demo application's publishable key", application.publishable_key, 'database', ...told);
  plant("the demo application's kustomer secret", application.kustomer.secret, ...told);
  plant("the demo application's sinch secret", Buffer.from(application.sinch.secret, 'base64'), ...told);
  const pem = await readFile(application.nexmo.private_key_file, 'utf8');
  privateKey("the demo application's private key", pem, 'demo-private-key.pem');
  overTls = trusting(await readFile(application.sinch.tls_certificate_file));
  privateKey('the key of TLS', await readFile(join(data, 'tls-key.pem'), 'utf8'), 'tls-key.pem');
  const sealing = await readFile(join(data, 'key-encryption-key'));
  plant('the key-encryption key', sealing, 'key-encryption-key');
}

/// An application with keys of every kind, made and imported.
async function application() {
  const name = word("an application's name", 'command application show', 'database');
  const alias = word("an application's alias", 'command application show', 'database');
  const { id, slug } = await ask(201, 'POST', '/v1/applications', { bearer: operator, body: { name, alias } });
  const at = (expected, method, below, body, bearer = operator) =>
    ask(expected, method, `/v1/applications/${id}${below}`, { bearer, body });
  const app = { id, slug, at };
  for (const role of ['admin', 'user', 'tracking']) {
    const named = word(`the name of an API key for ${role}`, 'command api-key list', 'database');
    const { key } = await at(201, 'POST', '/api-keys', { name: named, roles: [role] });
    app[role] = role === 'tracking' ? plant('a publishable key', key, 'database') : apiKey(`an API key for ${role}`, key);
  }
  const made = (algorithm) => at(201, 'POST', '/keys', { algorithm, kid: `made-${algorithm}` }, app.admin);
  for (const algorithm of ['RS256', 'ES256', 'EdDSA']) {
    app[algorithm] = privateKey(`a private key for ${algorithm}`, (await made(algorithm)).private_key_pem);
  }
  app.kustomer = word('an imported secret');
  await at(201, 'POST', '/keys', { algorithm: 'HS256', kid: 'kustomer', secret: app.kustomer }, app.admin);
  app.sinch = bytes('an imported sinch secret', 32);
  await at(201, 'POST', '/keys', { algorithm: 'sinch-hmac-sha256', secret_base64: app.sinch }, app.admin);
  plant('a made secret', (await made('HS256')).secret);
  plant('a made sinch secret', Buffer.from((await made('sinch-hmac-sha256')).secret_base64, 'base64'));
  await at(201, 'POST', '/keys', { algorithm: 'HS256', secret_base64: bytes('an imported secret of any bytes', 33) });
  const k = Buffer.from(bytes("a JWK's secret", 48), 'base64').toString('base64url');
  await at(201, 'POST', '/keys', { jwk: { kty: 'oct', alg: 'HS256', k } });
  await at(201, 'POST', '/keys', { algorithm: 'HS256', secret: plant('a weak secret', 'Weak/Secret+of-9'), allow_weak: true });
  return app;
}

/// What an administrator does, and gets wrong.
async function administration(app) {
  const refused = (body, expected = 400) => app.at(expected, 'POST', '/keys', body, app.admin);
  await refused({ algorithm: 'HS256', secret: plant('a secret that is too weak', 'Too/Weak+Secret') });
  await refused({ algorithm: 'HS256', kid: 'kustomer', secret: word('a secret whose name is taken') }, 409);
  await refused({ algorithm: 'RS256', secret: word('a secret for a public key') });
  await refused({ algorithm: 'HS256', secret_base64: `${word('a secret that is no base64')}*` });
  await refused({ algorithm: 'RS256', secrets: word('a secret under a wrong name') });
  const { privateKey: pair } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = privateKey('a private key where a public one belongs', pair.export({ type: 'pkcs8', format: 'pem' }));
  await refused({ algorithm: 'RS256', public_key_pem: pem });
  await refused({ algorithm: 'RS256', public_key_pem: pem.slice(0, -200) });
  await refused({ algorithm: 'RS256', jwk: pair.export({ format: 'jwk' }) });
  await app.at(200, 'PATCH', '/keys/made-HS256', { state: 'current' }, app.admin);
  await app.at(200, 'PATCH', '/keys/kustomer', { state: 'current' }, app.admin);
  await app.at(200, 'PATCH', '/keys/made-sinch-hmac-sha256', { state: 'revoked' }, app.admin);
  await app.at(400, 'PATCH', '/settings', { merge: word('a setting that is refused') }, app.admin);
  await app.at(200, 'PATCH', '/settings', { kustomer_keep_token: true, sessions_max: 20 }, app.admin);
  const doomed = await app.at(201, 'POST', '/api-keys', { name: 'doomed', roles: ['admin', 'user'] }, app.admin);
  apiKey('a revoked API key', doomed.key);
  await app.at(204, 'DELETE', `/api-keys/${doomed.id}`, undefined, app.admin);
  await ask(401, 'GET', '/v1/users', { bearer: doomed.key });
  const second = await ask(201, 'POST', '/v1/api-keys', { bearer: operator, body: { name: 'second', roles: ['operator'] } });
  apiKey('a second operator key', second.key);
  await ask(200, 'GET', '/v1/applications', { bearer: second.key });
  for (const below of ['/keys', '/api-keys', '/settings', '/audit']) await app.at(200, 'GET', below);
}

/// A credential of each dialect, as a company's backend makes it.
function mints(app) {
  const rs256 = { algorithm: 'RS256', audience: app.id, expiresIn: 600 };
  return {
    nexmo: (sub) => tokenGenerate(app.id, app.RS256, { subject: sub }),
    kustomer: (claims, key = app.kustomer) => jsonwebtoken.sign(claims, key),
    ticket: (username) => ticketgen(app.id, app.sinch, { username }).userTicket,
    sinch(user) {
      const day = new Date().toISOString().slice(0, 10).replaceAll('-', '');
      const key = createHmac('sha256', Buffer.from(app.sinch, 'base64')).update(day).digest();
      const iss = `//rtc.sinch.com/applications/${app.id}`;
      const claims = { iss, sub: `${iss}/users/${user}`, iat: seconds(), exp: seconds() + 600, nonce: randomUUID() };
      return jsonwebtoken.sign(claims, key, { algorithm: 'HS256', keyid: `hkdfv1-${day}` });
    },
    native: (subject, options = {}, key = app.RS256) =>
      jsonwebtoken.sign({}, key, { ...rs256, subject, jwtid: randomUUID(), ...options }),
  };
}

/// A visitor who writes, logs in, goes on, changes and leaves.
async function devices(app, mint) {
  const pk = app.tracking;
  const visitor = tokens('a visitor', await ask(201, 'POST', '/v1/sessions/anonymous', { bearer: pk, body: {} }));
  await conversations(visitor.access_token);
  const email = `${word('an e-mail address', 'command user list', 'database')}@example.com`;
  const first = credential('a kustomer credential', mint.kustomer({ email }));
  const device = { name: word("a device's name", 'database') };
  const body = { credential: first, device, current_token: visitor.access_token, nonce: word('the nonce of a login') };
  const adopted = tokens('a user who was a visitor', await login(201, body, pk));
  await ask(401, 'GET', '/v1/sessions', { bearer: visitor.access_token });
  await ask(401, 'POST', '/v1/sessions/refresh', { body: { refresh_token: visitor.refresh_token } });
  const again = credential('a second kustomer credential', mint.kustomer({ email, iat: seconds() + 1 }));
  const goesOn = { credential: again, current_token: adopted.access_token, nonce: word('the nonce of a session') };
  const same = tokens('a session that goes on', await login(200, goesOn, pk));
  const nonce = word('the nonce of a refresh');
  const refreshed = tokens('a refresh', await ask(200, 'POST', '/v1/sessions/refresh', { body: { refresh_token: same.refresh_token, nonce } }));
  const name = word('an external id', 'command user list', 'database');
  const other = credential('the credential of another user', mint.native(name));
  await login(409, { credential: other, current_token: refreshed.access_token }, pk);
  const switched = tokens('a device that changed hands', await login(201, { credential: other, current_token: refreshed.access_token, switch: true }, pk));
  await login(401, { credential: other }, pk);
  await login(400, { credential: mint.native('x'), current_token: word('a current token that is none') }, pk);
  const patch = { name: word('a new name of a device', 'database') };
  await ask(200, 'PATCH', `/v1/devices/${switched.session.device_id}`, { bearer: switched.access_token, body: patch });
  await ask(204, 'DELETE', '/v1/sessions/current', { bearer: switched.access_token });
  await ask(401, 'GET', '/v1/sessions', { bearer: switched.access_token });
  const thief = await login(201, { credential: mint.kustomer({ email, iat: seconds() + 2 }) }, pk);
  tokens('a session that a thief ends', thief);
  const spend = (word) => ({ body: { refresh_token: thief.refresh_token, nonce: word } });
  tokens('a stolen session', await ask(200, 'POST', '/v1/sessions/refresh', spend('one')));
  await ask(401, 'POST', '/v1/sessions/refresh', spend(word("a thief's nonce")));
  await ask(401, 'GET', '/v1/sessions', { bearer: thief.refresh_token });
}

/// What is said in a conversation: it is kept, and told to members alone.
async function conversations(bearer) {
  const names = { name: word("a conversation's name", 'database'), display_name: word("a conversation's title", 'database') };
  const { id } = await ask(201, 'POST', '/v1/conversations', { bearer, body: names });
  const path = `/v1/conversations/${id}`;
  const send = (expected, body) => ask(expected, 'POST', `${path}/events`, { bearer, body });
  const text = (name, ...stands) => ({ type: 'text', body: { text: word(name, ...stands) } });
  const client_id = word("a message's client id", 'database');
  await send(201, { ...text('a message', 'database'), client_id });
  await send(409, { ...text('another message of that client id'), client_id });
  await send(201, { type: 'custom:note', body: { inner: word('a custom event', 'database') } });
  await send(400, { type: word('a type of event that is none'), body: {} });
  await send(400, { type: 'text', body: { no_text: word('a message without text') } });
  await send(413, { type: 'text', body: { text: word('a message that is too long').padEnd(70_000, '.') } });
  const picture = (name, size, ...stands) =>
    Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), plant(name, randomBytes(96), ...stands), Buffer.alloc(size)]);
  const upload = (expected, file, content) =>
    ask(expected, 'POST', `${path}/attachments?name=${file}`, { bearer, form: new Blob([content], { type: 'image/png' }) });
  await upload(201, word("a file's name", 'database'), picture('a file', 100, 'database'));
  await upload(413, word("a large file's name"), picture('a file that is too large', 5 * 1024 * 1024));
  await ask(401, 'GET', path, { bearer: `${bearer.slice(0, -1)}_` });
  await ask(404, 'GET', `/v1/conversations/${word('a conversation that is none')}`, { bearer });
}

/// Logins of every dialect, and how each is refused.
async function credentials(app, mint) {
  const pk = app.tracking;
  const { privateKey: foreign } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const name = word("a user's name", 'command user list', 'database');
  const { id } = await ask(201, 'POST', '/v1/users', { bearer: app.user, body: { name, display_name: word('a display name', 'command user list', 'database') } });
  for (const [dialect, text] of Object.entries({
    nexmo: mint.nexmo(name), 'sinch ticket': mint.ticket(name), 'sinch JWT': mint.sinch(name), native: mint.native('customer-1'),
    'native ES256': mint.native('customer-1', { algorithm: 'ES256' }, app.ES256),
  })) {
    const { access_token } = tokens(`a ${dialect} user`, await login(201, { credential: credential(`a ${dialect} credential`, text) }, pk));
    await ask(200, 'GET', '/v1/conversations', { bearer: access_token });
    await ask(401, 'GET', '/v1/conversations', { bearer: text });
  }
  const bearer = credential("a nexmo backend's bearer", tokenGenerate(app.id, app.RS256));
  await ask(200, 'GET', '/v1/users', { bearer });
  await login(401, { credential: bearer }, pk);
  const email = `${word('the e-mail address in a forged credential')}@example.com`;
  for (const [why, text] of Object.entries({
    expired: mint.native('x', { expiresIn: -1 }),
    'foreign key': mint.native('x', {}, foreign),
    'foreign application': mint.native('x', { audience: randomUUID() }),
    'unknown key': mint.native('x', { keyid: 'nobody' }),
    forged: mint.kustomer({ email }, word('the secret of a forger')),
    'old kustomer': mint.kustomer({ email: 'old@example.com', iat: seconds() - 1_000 }),
    unsigned: `${mint.nexmo(name).split('.').slice(0, 2).join('.')}.${randomBytes(32).toString('base64url')}`,
  })) {
    await login(401, { credential: credential(`a credential that is ${why}`, text) }, pk);
  }
  await login(401, { credential: word('a credential that is none') }, pk);
  await login(401, { credential: `eyJhbGciOiJub25lIn0.${word('a credential that is cut')}.` }, pk);
  await login(401, { credential: word('a credential that is too long').padEnd(9_000, 'A') }, pk);
  await ask(200, 'PATCH', `/v1/users/${id}`, { bearer: app.user, body: { blocked: true } });
  await login(401, { credential: credential('a credential of a blocked user', mint.nexmo(name)) }, pk);
  await ask(409, 'POST', '/v1/users', { bearer: app.user, body: { name, display_name: word('the display name of a second user of a name') } });
  await ask(400, 'POST', '/v1/users', { bearer: app.user, body: { email: `${word('an e-mail address that is none')}@` } });
}

/// Tokens that are explained, asked about, and revoked.
async function judged(app, mint) {
  const bearer = app.user;
  const explain = (token) => ask(200, 'POST', '/v1/tokens/explain', { bearer, body: { token } });
  const introspect = (token) => ask(200, 'POST', '/v1/tokens/introspect', { bearer, form: new URLSearchParams({ token }) });
  const told = `${word('the e-mail address in an explained credential', 'explanation')}@example.com`;
  const good = credential('an explained credential', mint.kustomer({ email: told }));
  const bad = credential('an explained credential that is refused', mint.native('x', { expiresIn: -5 }));
  const forged = credential('an explained credential that is forged', mint.kustomer({ email: 'x@example.com' }, randomBytes(32)));
  for (const [token, accepted] of [[good, true], [bad, false], [forged, false], [word('an explained text'), false]]) {
    assert.equal((await explain(token)).accepted, accepted);
    await introspect(token);
  }
  const opened = credential('a credential that is revoked', mint.native('revoked-1'));
  const living = tokens('a revoked user', await login(201, { credential: opened }, app.tracking));
  for (const token of [living.access_token, living.refresh_token]) assert.equal((await introspect(token)).active, true);
  await explain(living.access_token);
  const jti = word('a revoked jti', 'database');
  for (const body of [{ session_id: living.session.id }, { user_id: living.user.id }, { jti }]) {
    await ask(201, 'POST', '/v1/revocations', { bearer, body });
  }
  await ask(401, 'GET', '/v1/sessions', { bearer: living.access_token });
  await ask(401, 'POST', '/v1/sessions/refresh', { body: { refresh_token: living.refresh_token } });
  await login(401, { credential: opened }, app.tracking);
  await login(401, { credential: credential('a credential of a revoked jti', mint.native('x', { jwtid: jti })) }, app.tracking);
  for (const token of [living.access_token, living.refresh_token]) assert.equal((await introspect(token)).active, false);
  await ask(400, 'POST', '/v1/revocations', { bearer, body: { token: word('a token to be revoked') } });
  await ask(400, 'POST', '/v1/revocations', { bearer, body: { session_id: word('a session id that is none') } });
}

/// A client that gets a secret and signs its calls with it.
async function instances(mint) {
  const door = server.ready.doors.sinch;
  const ticket = credential('the ticket of an instance', mint.ticket(word('the name of an instance\'s user', 'command user list', 'database')));
  const user = { door, headers: { authorization: `user ${ticket}` } };
  const { id, secret } = await ask(200, 'POST', '/v1/instance', user);
  const key = plant("an instance's secret", Buffer.from(secret, 'base64'));
  const again = await ask(200, 'PUT', `/v1/instances/id/${id}/authorization`, user);
  assert.deepEqual({ id: again.id, secret: again.secret }, { id, secret });
  const signed = (path, which, by = key) => {
    const at = new Date().toISOString();
    const mac = createHmac('sha256', by).update(`GET\n\n\nx-timestamp:${at}\n${path}`).digest();
    plant(`the signature of ${which} call`, mac);
    return { door, headers: { 'x-timestamp': at, authorization: `instance ${id}:${mac.toString('base64')}` } };
  };
  const path = '/v1/configuration/user';
  const { rtcConfiguration, rtcProfile } = await ask(200, 'GET', path, signed(path, 'a good'));
  const { publishKey, subscribeKey } = rtcConfiguration.broadcastNetwork;
  // Their beginning is the instance's id.
  const keys = { publish: publishKey.slice(id.length), subscribe: subscribeKey.slice(id.length), profile: rtcProfile.key };
  for (const [kind, made] of Object.entries(keys)) plant(`the ${kind} key of an instance`, Buffer.from(made, 'base64'));
  const { broadcastChannel, signalChannel, transportChannel } = rtcProfile;
  for (const channel of [broadcastChannel, signalChannel, transportChannel]) plant(`the channel ${channel[0]}`, channel);
  const messages = { door: server.ready.doors.sinch_messaging };
  const [, token] = await ask(200, 'GET', `/subscribe/${subscribeKey}/${broadcastChannel}%2C${transportChannel}/0/0`, messages);
  await ask(403, 'GET', `/subscribe/${publishKey}/${transportChannel}/0/${token}`, messages);
  const sent = encodeURIComponent(JSON.stringify(word('a message that is no frame')));
  await ask(400, 'GET', `/publish/${publishKey}/${subscribeKey}/0/${transportChannel}/0/${sent}`, messages);
  await ask(401, 'GET', path, signed(path, 'a forged', Buffer.from(word('another secret of an instance'))));
  await ask(404, 'PUT', `/v1/instances/id/${word('an instance that is none')}/authorization`, user);
  await ask(401, 'POST', '/v1/instance', { door, headers: { authorization: `user ${word('a ticket that is none')}` } });
}

/// A backend that reads its secret, and a device that has one token for all.
async function customers(app, mint) {
  const door = `${server.ready.doors.kustomer}/${app.slug}`;
  const both = await app.at(201, 'POST', '/api-keys', { name: 'both', roles: ['admin', 'user'] }, app.admin);
  apiKey('an API key that reads a secret', both.key);
  const bearer = credential('an API key as a JWT', both.jwt);
  const { data } = await ask(200, 'GET', '/v1/auth/customer/settings', { door, bearer });
  assert.equal(data.attributes.secret, app.kustomer);
  await ask(401, 'GET', '/v1/auth/tokens', { door, bearer: `${bearer}AAAA` });
  await ask(403, 'GET', '/v1/auth/customer/settings', { door, bearer: app.user });
  const asks = (expected, method, path, token, body) =>
    ask(expected, method, path, { door, body, headers: { 'x-kustomer-tracking-token': token } });
  const tracked = (name, token) => {
    plant(`MAC of ${name}`, Buffer.from(token.slice(6), 'base64url').subarray(-32));
    return plant(name, token);
  };
  const current = '/c/v1/tracking/tokens/current';
  const visitor = tracked("a visitor's tracking token", (await ask(200, 'GET', current, { door })).data.attributes.token);
  const title = word("a chat's title", 'database');
  const chat = (await asks(201, 'POST', '/c/v1/chat/sessions', visitor, { title })).data.id;
  await asks(201, 'POST', '/c/v1/chat/messages', visitor, { session: chat, body: word('a message of a chat', 'database') });
  await asks(404, 'POST', '/c/v1/chat/messages', visitor, { session: chat, body: word('a message with a file that is none'), attachments: ['x'] });
  const file = { name: word("a chat's file name", 'database'), contentLength: 7, contentType: 'text/plain' };
  const announced = await asks(201, 'POST', '/c/v1/chat/attachments', visitor, file);
  const form = new FormData();
  form.append('key', plant('the key of a file to come', announced.meta.upload.fields.key));
  form.append('file', new Blob([word("a chat's file", 'database')]));
  const uploaded = await fetch(announced.meta.upload.url, { method: 'POST', body: form });
  assert.equal(uploaded.status, 204);
  const custom = { noteStr: word('what a customer says of itself', 'database') };
  await asks(200, 'PATCH', '/c/v1/customers/current', visitor, { custom });
  const externalId = word("a customer's external id", 'command user list', 'database');
  const externalToken = credential("a customer's credential", mint.kustomer({ externalId }));
  const forged = credential("a customer's credential that is forged", mint.kustomer({ externalId }, word('the secret of another forger')));
  const identity = '/c/v1/identity';
  await asks(401, 'POST', identity, visitor, { externalToken: forged });
  await asks(400, 'POST', identity, word('a tracking token that is none'), { externalToken });
  const known = (await asks(200, 'POST', identity, visitor, { externalToken })).data.attributes.trackingToken;
  tracked("a customer's tracking token", known);
  await asks(200, 'GET', `/c/v1/chat/sessions/${chat}/messages`, known);
  const anew = (await asks(200, 'POST', '/c/v1/tracking/tokens', known, {})).data.attributes.token;
  tracked('the tracking token after a logout', anew);
  await asks(401, 'PATCH', '/c/v1/customers/current', known, {});
  await ask(401, 'GET', '/v1/sessions', { bearer: anew });
}

/// Secrets where none belongs.
async function misplaced(app, mint) {
  const user = tokens('a careless user', await login(201, { credential: mint.native('careless') }, app.tracking));
  const bearer = user.access_token;
  const text = (name) => credential(`a credential ${name}`, mint.native('misplaced'));
  const token = (name) => apiKey(`an API key ${name}`, `cs_sk_${randomBytes(48).toString('base64url')}`);
  await ask(401, 'GET', `/v1/sessions?access_token=${text('in a query')}`);
  await ask(400, 'GET', `/v1/sessions?access_token=${token('in a query')}`, { bearer });
  for (const path of [`/v1/users/${text('in a path')}`, `/v1/conversations/${token('in a path')}`, `/${token('as a path')}`]) {
    await ask(404, 'GET', path, { bearer: app.user });
  }
  await ask(400, 'GET', `/v1/users/..%2f${text('in a path that is refused')}`, { bearer: app.user });
  const basic = Buffer.from(`user:${word('a password')}`).toString('base64');
  await ask(401, 'GET', '/v1/sessions', { headers: { authorization: `Basic ${basic}` } });
  await ask(401, 'GET', '/v1/sessions', { headers: { authorization: `Token ${token('of another scheme')}` } });
  await ask(401, 'GET', '/v1/sessions', { bearer: token('that was never made') });
  await ask(401, 'GET', '/v1/sessions', { bearer: word('a bearer that is none') });
  await ask(401, 'GET', '/v1/sessions', {
    headers: {
      cookie: `session=${token('in a cookie')}`, 'x-api-key': token('in another header'), referer: `http://localhost/?${text('in a referer')}`,
      'user-agent': word('a user agent'), origin: `https://${word('an origin')}.example`, 'x-request-id': word('a request id'),
      'sec-websocket-protocol': token('in a subprotocol'),
    },
  });
  for (const [expected, path, raw] of [
    [400, '/v1/sessions', `{"credential":"${text('in malformed JSON')}"`],
    [400, '/v1/sessions', `{"credential":{"${token('as a name in JSON')}":1}}`],
    [400, '/v1/sessions', `{"credentials":"${text('under a wrong name')}"}`],
    [400, '/v1/conversations', `{"token":"${token('in the body of another call')}"}`],
    [400, '/v1/conversations', `"${token('as a body')}"`],
    [413, '/v1/sessions', `{"credential":"${text('in a large body').padEnd(70_000, 'A')}"}`],
  ]) {
    await ask(expected, 'POST', path, { bearer: path === '/v1/sessions' ? app.tracking : bearer, raw });
  }
  await ask(415, 'POST', '/v1/sessions', { bearer: app.tracking, form: text('as plain text'), headers: { 'content-type': 'text/plain' } });
  await ask(405, 'PUT', '/v1/sessions', { bearer, body: { token: token('with a wrong method') } });
  for (const [name, door] of Object.entries(server.ready.doors)) {
    await ask(404, 'POST', `/login?ticket=${text(`at the door ${name}`)}`, { door, body: { secret: word(`a secret at the door ${name}`) } });
  }
  for (const request of [
    `GET /?token=${token('in what is no HTTP')} HTTP/7.7\r\n\r\n`,
    `${token('as a method')} / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
    `GET / HTTP/1.1\r\nhost: x\r\n${token('in a header without a colon')}\r\n\r\n`,
    `GET / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token('in a head that is too large').padEnd(40_000, 'A')}\r\n\r\n`,
    `POST /v1/sessions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 4000\r\n\r\n{"credential":"${text('in a body that breaks off')}`,
  ]) {
    await sends(request);
  }
}

/// What the command line is given, by flag, environment, file and standard input.
async function commands(app, mint) {
  const here = ['--application', app.id];
  const secret = word('a secret on a command line');
  await runs(0, ['key', 'import', ...here, '--algorithm', 'HS256', '--kid', 'by-hand', '--secret', secret]);
  await runs(1, ['key', 'import', ...here, '--algorithm', 'HS256', '--kid', 'by-hand', '--secret', secret]);
  await runs(1, ['key', 'import', ...here, '--algorithm', 'HS256', '--secret', plant('a weak secret on a command line', 'Weak+By/Hand-12')]);
  const made = JSON.parse(await runs(0, ['key', 'create', ...here, '--algorithm', 'RS256', '--kid', 'made-by-hand', '--json']));
  const pem = privateKey('a private key that a command made', made.private_key_pem, 'command key create');
  await runs(0, ['key', 'rotate', ...here, 'by-hand']);
  await runs(0, ['key', 'revoke', ...here, 'by-hand']);
  const key = JSON.parse(await runs(0, ['api-key', 'create', 'by hand', '--role', 'admin', ...here, '--json']));
  apiKey('an API key that a command made', key.key, 'command api-key create');
  for (const list of [['key', 'list'], ['api-key', 'list'], ['user', 'list'], ['application', 'show']]) {
    await runs(0, list, { key: key.key });
  }
  const file = join(folder, 'application.json');
  const exported = await countersign(['application', 'export'], '', { COUNTERSIGN_KEY: key.key, COUNTERSIGN_URL: url });
  assert.equal(exported.code, 0);
  assert.ok(exported.stdout.includes(app.kustomer), 'an export has the secrets, and is of this application alone');
  assert.ok(![operator, key.key].some((each) => exported.stdout.includes(each)), 'an export has no API key');
  await writeFile(file, exported.stdout);
  const good = credential('a credential on a command line', mint.native('by-hand'));
  await runs(0, ['token', 'explain', '--application', file, good]);
  const lines = [good, credential('a refused credential on standard input', mint.native('x', { expiresIn: -1 })), word('a line of standard input')];
  await runs(1, ['token', 'explain', '--application', file, '--json', '-'], { input: `${lines.join('\n')}\n` });
  await writeFile(join(folder, 'private.pem'), pem);
  await runs(0, ['token', 'mint', '--dialect', 'native', '--application-id', app.id, '--subject', 'x', '--key', join(folder, 'private.pem')]);
  await runs(0, ['token', 'mint', '--dialect', 'kustomer', '--external-id', 'x', '--secret', app.kustomer]);
  await runs(2, ['token', 'mint', '--dialect', 'native', '--subject', 'x', '--secret', app.kustomer]);
  const display = word('a display name on a command line', 'command user create', 'database');
  await runs(0, ['user', 'create', '--external-id', 'by-hand', '--display-name', display, ...here]);
  await runs(1, ['user', 'create', '--external-id', 'by-hand', ...here]);
  await runs(1, ['user', 'list'], { key: apiKey('an unknown key in the environment', `cs_sk_${randomBytes(48).toString('base64url')}`) });
  await runs(3, ['user', 'list'], { at: 'http://127.0.0.1:1' });
  await runs(2, ['user', 'list'], { at: `http://user:${word('a password in a URL')}@127.0.0.1:1` });
  await runs(2, ['user', 'list'], { at: word('a URL that is none') });
  await runs(2, ['user', 'show', `${word('an id that is none')}/`]);
  await runs(0, ['api-key', 'revoke', ...here, key.id]);
}

/// Every file of the data folder.
async function files() {
  for (const name of await readdir(data)) {
    saw(name.startsWith('countersign.db') ? 'database' : name, await readFile(join(data, name)));
  }
}

test('a secret is where it belongs, and nowhere else', async () => {
  server = await dev(data, ['--log-level', 'trace']);
  ({ url } = server.ready);
  await firstStart();
  const app = await application();
  const mint = mints(app);
  await administration(app);
  await devices(app, mint);
  await credentials(app, mint);
  await judged(app, mint);
  await instances(mint);
  await customers(app, mint);
  await misplaced(app, mint);
  await commands(app, mint);
  saw('metrics', await ask(200, 'GET', '/metrics', { bearer: operator }));
  await files();
  const { code, stdout, stderr } = await server.stop();
  assert.equal(code, 0);
  assert.match(stderr, /DEBUG/, 'the log is as verbose as it can be');
  saw('ready line', stdout);
  saw('log', stderr);
  await files();

  assert.ok(canaries.length >= 40, `${canaries.length} canaries`);
  const found = search(canaries, texts);
  assert.equal(found.size, canaries.length, 'every canary has a name of its own');
  const astray = canaries.filter(({ name, stands }) => `${found.get(name)}` !== `${stands}`);
  assert.deepEqual(astray.map(({ name, stands }) => ({ name, stands, found: found.get(name) })), []);
});

test('the search finds every canary in every spelling, wherever it is planted', async () => {
  assert.ok(canaries.length >= 40);
  const log = texts.find(({ place }) => place === 'log').bytes;
  const middle = log.length >> 1;
  for (const canary of canaries) {
    for (const spelling of spellings(canary)) {
      const planted = Buffer.concat([log.subarray(0, middle), spelling, log.subarray(middle)]);
      const found = search([canary], [{ place: 'log', bytes: planted }]);
      assert.deepEqual([...found], [[canary.name, ['log']]]);
    }
  }
  const database = await readFile(join(data, 'countersign.db'));
  const [canary] = canaries.filter(({ stands }) => stands.length === 0);
  const looksIn = (content) => search([canary], [{ place: 'database', bytes: content }]).get(canary.name);
  assert.deepEqual(looksIn(database), []);
  canary.bytes.copy(database, database.length - canary.bytes.length);
  assert.deepEqual(looksIn(database), ['database']);
});
