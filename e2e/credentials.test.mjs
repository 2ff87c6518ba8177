// Credentials that packages made which we did not write: what a company's
// backend already uses must be accepted as it is.
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, hkdfSync, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { tokenGenerate } from '@vonage/jwt';
import jsonwebtoken from 'jsonwebtoken';
import { countersign } from './support/countersign.mjs';

const ticketgen = createRequire(import.meta.url)('sinch-ticketgen');

const id = randomUUID();
const rsa = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const kustomerSecret = randomBytes(24).toString('hex');
const sinchSecret = randomBytes(16).toString('base64');

let folder;
let application;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  application = await writeApplication('application.json', id, [
    { kid: 'web', state: 'current', algorithm: 'RS256', public_key_pem: rsa.publicKey },
    { kid: 'chat', state: 'current', algorithm: 'HS256', secret: kustomerSecret },
    { kid: 'sinch', state: 'current', algorithm: 'sinch-hmac-sha256', secret_base64: sinchSecret },
  ]);
});

after(() => rm(folder, { recursive: true }));

async function writeApplication(name, id, keys) {
  const file = join(folder, name);
  await writeFile(file, JSON.stringify({ id, slug: 'demo', keys, settings: {} }));
  return file;
}

async function explain(token, { file = application, at, dialect } = {}) {
  const args = ['token', 'explain', '--application', file, '--json'];
  if (at !== undefined) args.push('--at', String(at));
  if (dialect !== undefined) args.push('--dialect', dialect);
  const { code, stdout, stderr } = await countersign([...args, '-'], `${token}\n`);
  const verdict = JSON.parse(stdout);
  assert.equal(code, verdict.accepted ? 0 : 1, stderr);
  return verdict;
}

async function accepts(token, dialect, subject, options) {
  const verdict = await explain(token, options);
  assert.equal(verdict.accepted, true, JSON.stringify(verdict));
  assert.equal(verdict.dialect, dialect);
  assert.equal(verdict.subject, subject);
  return verdict;
}

async function refuses(token, code, options) {
  const verdict = await explain(token, options);
  assert.equal(verdict.accepted, false, JSON.stringify(verdict));
  assert.equal(verdict.code, code, JSON.stringify(verdict));
  return verdict;
}

const now = () => Math.floor(Date.now() / 1000);

test('@vonage/jwt: a user token with an ACL', async () => {
  const paths = { '/*/users/**': {}, '/*/conversations/**': { methods: ['GET'] }, '/*/sessions/**': {} };
  const token = tokenGenerate(id, rsa.privateKey, { subject: 'alice', ttl: 900, acl: { paths } });
  await accepts(token, 'nexmo', 'alice');
});

test('@vonage/jwt: an application token is a bearer, and no login', async () => {
  await refuses(tokenGenerate(id, rsa.privateKey), 'no_subject');
});

test('@vonage/jwt: another application, another key', async () => {
  const foreign = tokenGenerate(randomUUID(), rsa.privateKey, { subject: 'alice' });
  await refuses(foreign, 'wrong_audience');
  const other = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  await refuses(tokenGenerate(id, other.privateKey, { subject: 'alice' }), 'bad_signature');
});

test('jsonwebtoken: a nexmo token, its exp in seconds, in milliseconds, or absent', async () => {
  const sign = (claims) =>
    jsonwebtoken.sign({ application_id: id, sub: 'bob', jti: randomUUID(), ...claims }, rsa.privateKey, {
      algorithm: 'RS256',
    });
  await accepts(sign({ exp: now() + 600 }), 'nexmo', 'bob');
  await accepts(sign({ exp: (now() + 600) * 1000 }), 'nexmo', 'bob');
  await accepts(sign({}), 'nexmo', 'bob');
  await refuses(sign({ exp: now() - 1 }), 'expired');
});

test('jsonwebtoken: a kustomer login by externalId, by email, by both', async () => {
  const sign = (claims, options) => jsonwebtoken.sign(claims, kustomerSecret, options);
  await accepts(sign({ externalId: 'user_8412' }), 'kustomer', 'user_8412');
  await accepts(sign({ email: 'Jane@Example.com' }), 'kustomer', 'jane@example.com');
  await accepts(sign({ externalId: 'user_8412', email: 'jane@example.com' }), 'kustomer', 'jane@example.com');
  await refuses(sign({}), 'bad_claim');
  await refuses(sign({ externalId: 'user_8412', iat: now() - 901 }), 'too_old');
  await refuses(sign({ externalId: 'user_8412', iat: Date.now() }), 'not_yet_valid');
  await refuses(sign({ externalId: 'user_8412' }, { algorithm: 'HS512' }), 'unsupported_algorithm');
  await refuses(jsonwebtoken.sign({ externalId: 'user_8412' }, `${kustomerSecret}x`), 'bad_signature');
});

test('sinch-ticketgen: a ticket, also of a name that is not ASCII', async () => {
  const ticket = (username, created) => ticketgen(id, sinchSecret, { username }, created).userTicket;
  await accepts(ticket('alice'), 'sinch', 'alice');
  await accepts(ticket('zoë'), 'sinch', 'zoë');
  // The package deletes the first space before it signs.
  await accepts(ticket('john doe'), 'sinch', 'johndoe');
  await refuses(ticket('alice', new Date(Date.now() - 86_400_000).toISOString()), 'expired');
  const foreign = ticketgen(id, randomBytes(16).toString('base64'), { username: 'alice' });
  await refuses(foreign.userTicket, 'bad_signature');
});

// The documented recipe of today's sinch JWT: a key for each day, in one step.
function sinchJwt({ key, secret, user, at, nonce, derive = daily }) {
  const day = new Date(at * 1000).toISOString().slice(0, 10).replaceAll('-', '');
  const claims = {
    iss: `//rtc.sinch.com/applications/${key}`,
    sub: `//rtc.sinch.com/applications/${key}/users/${user}`,
    iat: at,
    exp: at + 600,
    nonce,
  };
  return jsonwebtoken.sign(claims, derive(Buffer.from(secret, 'base64'), day), {
    algorithm: 'HS256',
    keyid: `hkdfv1-${day}`,
  });
}

const daily = (secret, day) => createHmac('sha256', secret).update(day).digest();

test('the sinch recipe: a JWT of today, and what a wrong derivation hears', async () => {
  const parts = { key: id, secret: sinchSecret, user: 'alice', at: now(), nonce: randomUUID() };
  await accepts(sinchJwt(parts), 'sinch', 'alice');
  const hkdf = (secret, day) => Buffer.from(hkdfSync('sha256', secret, '', day, 32));
  const wrong = await refuses(sinchJwt({ ...parts, derive: hkdf }), 'bad_signature');
  assert.match(JSON.stringify(wrong), /HKDF/);
});

test('the sinch recipe: the published vectors', async () => {
  const key = 'a32e5a8d-f7d8-411c-9645-9038e8dd051d';
  const secret = 'ax8hTTQJF0OPXL32r1LHMA==';
  const published = await writeApplication('published.json', key, [
    { kid: 'sinch', state: 'current', algorithm: 'sinch-hmac-sha256', secret_base64: secret },
  ]);
  const at = 1514862245;
  const derived = daily(Buffer.from(secret, 'base64'), '20180102');
  assert.equal(derived.toString('base64'), 'AZj5EsS8S7wb06xr5jERqPHsraQt3w/+Ih5EfrhisBQ=');
  const header = { alg: 'HS256', kid: 'hkdfv1-20180102' };
  const nonce = '6b438bda-2d5c-4e8c-92b0-39f20a94b34e';
  const iss = `//rtc.sinch.com/applications/${key}`;
  const claims = { iss, sub: `${iss}/users/foo`, iat: at, exp: at + 600, nonce };
  const sorted = { exp: at + 600, iat: at, iss, nonce, sub: `${iss}/users/foo` };
  const bounded = {
    exp: at + 600, iat: at, iss, nonce, 'sinch:rtc:instance:exp': 1530414245, sub: `${iss}/users/foo`,
  };
  for (const [order, signature] of [
    [claims, 'EUltTTD4fxhkwCgLgj6qSQXKawpwQ952Ywm3OwQSARo'],
    [sorted, '10N-QAvRK0-dacox5X5YusK7C0AWb-kZLiNNTKLQw8I'],
    [bounded, 'Z1KlXha3ubMWjMI2z949NkUHmekpe31z0fNx-XiMDuo'],
  ]) {
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${part(header)}.${part(order)}.${signature}`;
    await accepts(token, 'sinch', 'foo', { file: published, at: at + 60 });
  }
});
