// Tokens and access lists as applications in the wild make them, on the door's REST.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { call } from './support/countersign.mjs';
import { CLIENT_ACL, openDoor } from './support/nexmo/door.mjs';

let door;
let sub;
let user;
let mine;
let other;

before(async () => {
  // All that it can tell: no token may be in it.
  door = await openDoor(['--log-level', 'trace']);
  sub = `lena-${randomUUID().slice(0, 8)}`;
  user = (await door.user(sub)).id;
  [mine, other] = [await conversation(), await conversation()];
});
after(() => door?.stop());

/// A conversation in which the user is a member.
async function conversation() {
  const token = door.backend();
  const { body } = await door.rest('POST', '/v1/conversations', { token, body: {} });
  const member = { state: 'joined', user: { id: user }, channel: { type: 'app' } };
  const joined = await door.rest('POST', `/v1/conversations/${body.id}/members`, { token, body: member });
  assert.equal(joined.status, 201, JSON.stringify(joined.body));
  return body.id;
}

const now = () => Math.floor(Date.now() / 1000);

/// Calls that a user may make, whatever the access list says: their names, and how.
const calls = {
  'read oneself': () => ['GET', `/beta/users/${user}`],
  'read a conversation': () => ['GET', `/v0.3/conversations/${mine}`],
  'read another conversation': () => ['GET', `/v0.3/conversations/${other}`],
  'list conversations': () => ['GET', `/beta2/users/${user}/conversations`],
  'list members': () => ['GET', `/beta2/conversations/${mine}/members`],
  'list events': () => ['GET', `/beta2/conversations/${mine}/events`],
  'make a conversation': () => ['POST', '/beta/conversations', {}],
  'send a text': () => ['POST', `/beta/conversations/${mine}/events`, { type: 'text', body: { text: 'hi' } }],
};
const all = Object.keys(calls);
const reads = all.filter((name) => calls[name]()[0] === 'GET');
const conversations = all.filter((name) => name !== 'read oneself');
const paths = (...patterns) => ({ paths: Object.fromEntries(patterns.map((pattern) => [pattern, {}])) });

const lists = {
  'the client set of the vendor': [() => CLIENT_ACL, all],
  'no list at all: the application’s own': [() => undefined, all],
  'everything': [() => paths('/**'), all],
  'a literal version, whatever version is called': [() => paths('/v1/users/**', '/v1/conversations/**', '/v1/sessions/**'), all],
  'another literal version': [() => paths('/beta2/users/**', '/v0.3/conversations/**'), all],
  'one segment after users': [() => paths('/v1/users/*'), ['read oneself']],
  'conversations alone': [() => paths('/*/conversations/**'), conversations],
  'one conversation by its path': [
    () => paths(`/*/conversations/${mine}/**`), ['read a conversation', 'list members', 'list events', 'send a text'],
  ],
  'reading alone': [() => ({ paths: { '/**': { methods: ['GET'] } } }), reads],
  'writing alone': [() => ({ paths: { '/**': { methods: ['POST'] } } }), all.filter((name) => !reads.includes(name))],
  'a filter that one conversation passes': [
    () => ({ paths: { '/*/conversations/**': { filters: { conversation_id: mine } } } }),
    ['read a conversation', 'list members', 'list events', 'send a text'],
  ],
  'a union of rules': [
    () => ({ paths: { '/*/users/**': {}, '/*/conversations/*': { methods: ['GET'] } } }),
    ['read oneself', 'read a conversation', 'read another conversation'],
  ],
  'nothing': [() => ({ paths: {} }), []],
};

for (const [name, [acl, allowed]] of Object.entries(lists)) {
  test(`access list: ${name}`, async () => {
    const token = door.signed({ sub, acl: acl() });
    const may = [];
    for (const [call, path] of Object.entries(calls)) {
      const [method, where, body] = path();
      const answer = await door.rest(method, where, { token, body });
      if (answer.status < 300) may.push(call);
      else assert.deepEqual([answer.status, answer.body.code], [403, 'system:error:permission'], `${call}: ${JSON.stringify(answer.body)}`);
    }
    assert.deepEqual(may, allowed);
  });
}

const YEAR = 31_536_000;
const accepted = {
  'fractional times': () => ({ iat: now() - 0.75, nbf: now() - 0.5, exp: now() + 300.25 }),
  'a numeric jti': () => ({ jti: 17 }),
  'a fractional jti': () => ({ jti: 0.8374 }),
  'no jti': () => ({ jti: undefined }),
  'no exp': () => ({ exp: undefined }),
  'an exp a year ahead': () => ({ exp: now() + YEAR }),
  'an exp in milliseconds': () => ({ exp: Date.now() + 300_000 }),
  'times as text': () => ({ iat: `${now()}`, exp: `${now() + 300}` }),
  'a claim that nobody knows': () => ({ subject: sub, ver: 'x' }),
};

for (const [name, claims] of Object.entries(accepted)) {
  test(`a token with ${name} is taken`, async () => {
    const answer = await door.rest('GET', '/v0.3/users/me', { token: door.signed({ sub, ...claims() }) });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.equal(answer.body.name, sub);
  });
}

const refused = {
  expired: [() => ({ iat: now() - 600, exp: now() - 1 }), 'system:error:expired-token'],
  'older than a day, with an exp a year ahead': [() => ({ iat: now() - 86_401, exp: now() + YEAR }), 'system:error:expired-token'],
  'without iat': [() => ({ iat: undefined }), 'system:error:invalid-token'],
  'of another application': [() => ({ application_id: randomUUID() }), 'system:error:invalid-token'],
};

for (const [name, [claims, code]] of Object.entries(refused)) {
  test(`a token that is ${name} is refused in each version's own way`, async () => {
    for (const version of ['beta', 'beta2', 'v0.3', 'v1']) {
      const answer = await door.rest('GET', `/${version}/users/me`, { token: door.signed({ sub, ...claims() }) });
      assert.deepEqual([answer.status, answer.body.code], [401, code], `${version}: ${JSON.stringify(answer.body)}`);
      assert.equal(typeof (answer.body.description ?? answer.body.detail), 'string');
    }
  });
}

test('a scheme in lower case is one', async () => {
  const authorization = `bearer ${door.token(sub)}`;
  const answer = await door.rest('GET', '/v0.3/users/me', { headers: { authorization } });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
});

test('no token, or one in the wrong place, is missing', async () => {
  for (const [what, path, headers] of [
    ['none', '/v0.3/users/me', {}],
    ['in the query', `/v0.3/users/me?token=${door.token(sub)}`, {}],
    ['of another scheme', '/v0.3/users/me', { authorization: 'Digest x' }],
  ]) {
    const { status, body } = await door.rest('GET', path, { headers });
    assert.deepEqual([status, body.code], [401, 'system:error:missing-token'], what);
  }
});

test('a backend’s token is held to its own list', async () => {
  const token = door.signed({ sub: undefined, acl: { paths: { '/*/users/**': { methods: ['GET'] } } } });
  const read = await door.rest('GET', `/v1/users/${user}`, { token });
  assert.equal(read.status, 200, JSON.stringify(read.body));
  for (const [method, path, body] of [['POST', '/v1/users', { name: 'x' }], ['GET', '/v1/conversations', undefined]]) {
    const { status, body: said } = await door.rest(method, path, { token, body });
    assert.deepEqual([status, said.code], [403, 'system:error:permission'], path);
  }
});

test('a user is no backend', async () => {
  const token = door.token(sub);
  const stranger = await door.user(`stranger-${randomUUID().slice(0, 8)}`);
  for (const [method, path, body, expected] of [
    ['POST', '/v0.3/users', { name: 'made-by-a-user' }, 403],
    ['DELETE', `/beta/users/${stranger.id}`, undefined, 403],
    ['GET', `/beta/users/${stranger.id}`, undefined, 404],
    ['GET', `/beta2/users/${stranger.id}/conversations`, undefined, 404],
  ]) {
    const answer = await door.rest(method, path, { token, body });
    assert.equal(answer.status, expected, `${method} ${path}: ${JSON.stringify(answer.body)}`);
  }
});

test('the id that an application had elsewhere stands for its own', async () => {
  const { operator_key: bearer, application } = door;
  const renamed = async (alias) => {
    const path = `/v1/applications/${application.id}`;
    const { status, body } = await call(door.native, 'PATCH', path, { bearer, body: { alias } });
    assert.equal(status, 200, JSON.stringify(body));
  };
  // Ours are of the seventh version: those of others may be of any, and in any case.
  const ids = [
    randomUUID(), randomUUID().toUpperCase(), '78d335fa-323d-0114-9c3d-d6f0d48968cf',
    '01890a5d-ac96-774b-bcce-b302099a8057', 'an-application',
  ];
  for (const application_id of ids) {
    const tokens = { user: door.signed({ application_id, sub }), backend: door.signed({ application_id, sub: undefined }) };
    const ask = async () => {
      const me = await door.rest('GET', '/v0.3/users/me', { token: tokens.user });
      const one = await door.rest('GET', `/v1/users/${user}`, { token: tokens.backend });
      return [me.status, me.body.id, one.status, one.body.id];
    };
    assert.deepEqual(await ask(), [401, undefined, 401, undefined], `${application_id} is nobody’s yet`);
    await renamed(application_id);
    assert.deepEqual(await ask(), [200, user, 200, user], application_id);
    const login = { bearer: application.publishable_key, body: { credential: tokens.user } };
    assert.equal((await call(door.native, 'POST', '/v1/sessions', login)).status, 201, application_id);
    assert.equal((await call(door.native, 'POST', '/v1/sessions', { body: login.body })).status, 201, application_id);
  }
  await renamed(null);
});

test('pages of any origin may ask, and read errors too', async () => {
  const origin = 'https://shop.example';
  const asked = { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' };
  for (const path of ['/v0.3/conversations', '/beta/users/x', '/v1/image', '/v2/rtc/metrics']) {
    const response = await fetch(`${door.url}${path}`, { method: 'OPTIONS', headers: asked });
    assert.ok([200, 204].includes(response.status), `${path}: ${response.status}`);
    assert.ok(['*', origin].includes(response.headers.get('access-control-allow-origin')), path);
    assert.match(response.headers.get('access-control-allow-headers'), /authorization/i, path);
    assert.match(response.headers.get('access-control-allow-headers'), /content-type/i, path);
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      assert.ok(response.headers.get('access-control-allow-methods').includes(method), `${path}: ${method}`);
    }
    const refused = await fetch(`${door.url}${path}`, { method: 'POST', headers: { origin } });
    assert.ok(refused.status >= 400, path);
    assert.ok(['*', origin].includes(refused.headers.get('access-control-allow-origin')), `${path}: an error without CORS`);
    assert.equal(refused.headers.get('access-control-allow-credentials'), null);
  }
});
