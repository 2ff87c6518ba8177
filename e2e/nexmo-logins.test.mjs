// Logins of the unmodified nexmo-client: what is refused has the vendor's own type, in
// time; and a session lives as long as its token.
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openBrowser } from './support/nexmo/browser.mjs';
import { CLIENT_ACL, openDoor } from './support/nexmo/door.mjs';
import { inProcess, pointed } from './support/nexmo/person.mjs';

let door;
let browser;

before(async () => {
  // All that it can tell: no token may be in it.
  door = await openDoor(['--log-level', 'trace']);
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await door?.stop();
});

const clients = {
  'nexmo-client 9.5.1 in Node': (who) => inProcess(who, 'nexmo-client'),
  'nexmo-client 9.5.1 in Chromium': (who) => browser.page(who),
  'nexmo-client 9.1.3 in Node': (who) => inProcess(who, 'nexmo-client-9.1'),
  'nexmo-client 8.7.3 in Node': (who) => inProcess(who, 'nexmo-client-8.7'),
};

const now = () => Math.floor(Date.now() / 1000);
/// Longer than any clock difference that is forgiven.
const LONG = 600;
const strangersKey = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).privateKey;

/// A signature that does not belong to what it stands under.
function altered(token) {
  const [header, , signature] = token.split('.');
  const other = door.signed({ sub: 'somebody-else' }).split('.')[1];
  return [header, other, signature].join('.');
}

/// What is refused, and the type of the SDK's error.
const refused = {
  'expired long ago': [(sub) => door.signed({ sub, iat: now() - 2 * LONG, exp: now() - LONG }), 'system:error:expired-token'],
  'expired by the second': [(sub) => door.signed({ sub, iat: now() - LONG, exp: now() }), 'system:error:expired-token'],
  'without exp, older than a quarter of an hour': [
    (sub) => door.signed({ sub, iat: now() - 901, exp: undefined }), 'system:error:expired-token',
  ],
  'a day old, whatever its exp': [
    (sub) => door.signed({ sub, iat: now() - 86_401, exp: now() + LONG }), 'system:error:expired-token',
  ],
  garbage: [() => 'garbage', 'system:error:invalid-token'],
  'three parts of garbage': [() => 'a.b.c', 'system:error:invalid-token'],
  'with an altered claim': [(sub) => altered(door.signed({ sub })), 'system:error:invalid-token'],
  'by a key of a stranger': [(sub) => door.signed({ sub }, strangersKey()), 'system:error:invalid-token'],
  'of another application': [(sub) => door.signed({ sub, application_id: randomUUID() }), 'system:error:invalid-token'],
  'ahead of its time': [(sub) => door.signed({ sub, iat: now() + LONG, exp: now() + 2 * LONG }), 'system:error:invalid-token'],
  'without sub: a backend is no user': [() => door.signed({ sub: undefined }), 'system:error:invalid-token'],
  'with a malformed acl': [(sub) => door.signed({ sub, acl: { paths: { 'no slash': {} } } }), 'system:error:invalid-token'],
  'with an acl in an acl': [(sub) => door.signed({ sub, acl: { acl: CLIENT_ACL } }), 'system:error:invalid-token'],
  'of nobody': [() => door.signed({ sub: 'nobody' }), 'user:error:not-found'],
  'whose acl has no sessions': [
    (sub) => door.signed({ sub, acl: { paths: { '/*/users/**': {}, '/*/conversations/**': {} } } }), 'system:error:permission',
  ],
  'whose acl lets sessions only be read': [
    (sub) => door.signed({ sub, acl: { paths: { '/*/sessions/**': { methods: ['GET'] } } } }), 'system:error:permission',
  ],
};

for (const [name, open] of Object.entries(clients)) {
  test(`${name}: a refused login says why, in time`, async (t) => {
    const who = `refused-${randomUUID().slice(0, 8)}`;
    const { id } = await door.user(who);
    const client = await open(who);
    t.after(() => client.dispose());
    for (const [what, [mint, expected]] of Object.entries(refused)) {
      await t.test(`a token ${what}`, async () => {
        assert.equal(await client.fails('createSession', pointed(door.url), mint(who)), expected);
      });
    }
    await t.test('nothing is left behind: the next token logs in', async () => {
      const { me } = await client.does('createSession', pointed(door.url), door.token(who));
      assert.equal(me.id, id);
    });
  });
}

test('no token at all is told apart', async () => {
  const client = await inProcess('no token');
  try {
    assert.equal(await client.fails('createSession', pointed(door.url), ''), 'system:error:missing-token');
  } finally {
    await client.dispose();
  }
});

/// Seconds of life of a token that is watched while it expires.
const SHORT = 4;

for (const [name, open] of Object.entries(clients)) {
  test(`${name}: a token that expires is told, and ends the session unless it is renewed`, async () => {
    const [careful, careless] = [`careful-${randomUUID().slice(0, 8)}`, `careless-${randomUUID().slice(0, 8)}`];
    const people = [];
    for (const who of [careful, careless]) {
      await door.user(who);
      const client = await open(who);
      people.push(client);
      await client.does('createSession', pointed(door.url), door.token(who));
    }
    // Only now, when the applications listen: a warning could come with the login.
    for (const client of people) await client.does('updateToken', door.signed({ sub: client.who, exp: now() + SHORT }));
    const [renews, forgets] = people;
    const warned = await renews.sees({ on: 'application', name: 'system:error:expired-token' });
    assert.equal(warned.detail, 'NXM-errors');
    await renews.does('updateToken', door.token(careful));
    await forgets.sees({ on: 'application', name: 'system:error:expired-token' });
    await forgets.sees({ on: 'client', name: 'disconnect', detail: 'TokenExpired' });

    // The renewed one outlives both: it still hears.
    const made = await renews.does('newConversationAndJoin', {});
    const { id } = await renews.does('sendText', made.id, 'still here');
    await renews.sees({ on: 'conversation', name: 'text', event: { id, body: { text: 'still here' } } });
    assert.deepEqual(renews.saw({ on: 'client', name: 'disconnect' }), [], 'a renewed session is not disconnected');
    for (const client of people) await client.dispose();
  });
}

test('a disconnected client takes a new token and comes back', async () => {
  const who = `back-${randomUUID().slice(0, 8)}`;
  await door.user(who);
  const client = await inProcess(who);
  await client.does('createSession', pointed(door.url), door.signed({ sub: who, exp: now() + SHORT }));
  await client.sees({ on: 'client', name: 'disconnect', detail: 'TokenExpired' });
  await client.does('updateToken', door.token(who));
  const before = client.saw({ on: 'client', name: 'ready' }).length;
  await client.does('connect');
  await client.sees({ on: 'client', name: 'ready' });
  assert.ok(client.saw({ on: 'client', name: 'ready' }).length >= before);
  const made = await client.does('newConversationAndJoin', {});
  await client.sees({ on: 'conversation', name: 'member:joined', event: { cid: made.id } });
  await client.dispose();
});

test('a token may be renewed only for the same user', async () => {
  const [mine, other] = [`mine-${randomUUID().slice(0, 8)}`, `other-${randomUUID().slice(0, 8)}`];
  for (const who of [mine, other]) await door.user(who);
  const client = await inProcess(mine);
  await client.does('createSession', pointed(door.url), door.token(mine));
  for (const [what, token] of [['another user', door.token(other)], ['garbage', 'garbage'], ['a backend', door.backend()]]) {
    await assert.rejects(client.does('updateToken', token), undefined, what);
  }
  assert.equal((await client.does('getUser')).name, mine, 'the session goes on with the old token');
  await client.dispose();
});

test('logging out ends the session, and the others of the user go on', async () => {
  const who = `twice-${randomUUID().slice(0, 8)}`;
  await door.user(who);
  const [one, two] = [await inProcess(who), await inProcess(who)];
  for (const client of [one, two]) await client.does('createSession', pointed(door.url), door.token(who));
  assert.equal((await one.does('getUserSessions')).length, 2);
  await one.does('deleteSession');
  const left = await two.does('getUserSessions');
  assert.deepEqual(left.map(({ id }) => id), [await two.does('session')]);
  for (const client of [one, two]) await client.leaves();
});
