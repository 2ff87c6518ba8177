// A backend in Python with the vendor's server SDK, unmodified, through TLS.
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { call } from './support/countersign.mjs';
import { CLIENT_ACL, openDoor } from './support/nexmo/door.mjs';
import { inProcess, pointed } from './support/nexmo/person.mjs';
import { inPython } from './support/nexmo/python.mjs';

let door;
let backend;

before(async () => {
  door = await openDoor();
  const { operator_key: apiSecret } = door;
  const listed = await call(door.native, 'GET', '/v1/api-keys', { bearer: apiSecret });
  backend = await inPython(door, { apiKey: listed.body.api_keys[0].id, apiSecret });
});

after(async () => {
  await backend?.stop();
  await door?.stop();
});

const named = (name) => `${name}-${randomUUID().slice(0, 8)}`;

test('users are made, read, changed, found, listed and deleted', async () => {
  const { does, fails } = backend;
  const [carol, dave, erin] = [named('carol'), named('dave'), named('erin')];
  const properties = { custom_data: { tier: 'gold', seats: 2 } };
  const image_url = 'https://example.com/carol.png';
  const one = await does('create_user', { name: carol, display_name: 'Carol', image_url, properties });
  assert.match(one.id, /^USR-/);
  assert.equal(one.name, carol);
  const others = [await does('create_user', { name: dave }), await does('create_user', { name: erin })];

  const read = await does('get_user', one.id);
  assert.deepEqual(
    [read.id, read.name, read.display_name, read.image_url, read.properties],
    [one.id, carol, 'Carol', image_url, properties],
  );
  const changed = await does('update_user', one.id, { display_name: 'Carol II' });
  assert.deepEqual([changed.name, changed.display_name], [carol, 'Carol II']);
  assert.equal((await does('get_user', one.id)).display_name, 'Carol II');

  const pages = await does('list_users');
  assert.ok(pages.length > 1 && pages.every((page) => page.length <= 2), `pages of ${pages.map((page) => page.length)}`);
  const listed = pages.flat().map(({ id }) => id);
  assert.equal(new Set(listed).size, listed.length, 'no page shows a user twice');
  assert.deepEqual(listed.filter((id) => [one, ...others].some((user) => user.id === id)), [one, ...others].map(({ id }) => id));
  assert.deepEqual((await does('find_user', dave)).map(({ id, name }) => [id, name]), [[others[0].id, dave]]);
  assert.deepEqual(await does('find_user', 'nobody-at-all'), []);

  await does('delete_user', others[1].id);
  assert.deepEqual(await fails('get_user', others[1].id), ['NotFoundError', 404, 'user:error:not-found']);
  assert.deepEqual(await fails('create_user', { name: carol }), ['HttpRequestError', 409, 'user:error:duplicate-name']);
});

test('conversations, members and events by its HTTP client', async () => {
  const { does, fails } = backend;
  const user = await does('create_user', { name: named('frank') });
  const name = named('room');
  const conversation = await does('post', '/v1/conversations', { name, display_name: 'Room' });
  assert.match(conversation.id, /^CON-/);
  const at = `/v1/conversations/${conversation.id}`;
  const read = await does('get', at);
  assert.deepEqual([read.name, read.display_name, read.state], [name, 'Room', 'ACTIVE']);
  assert.equal((await does('put', at, { name, display_name: 'Hall' })).display_name, 'Hall');
  const page = await does('get', '/v1/conversations', { page_size: 100 });
  assert.ok(page._embedded.conversations.some(({ id }) => id === conversation.id));

  const member = await does('post', `${at}/members`, { state: 'joined', user: { id: user.id }, channel: { type: 'app' } });
  assert.deepEqual([member.state, member._embedded.user.name], ['JOINED', user.name]);
  const members = await does('get', `${at}/members`);
  assert.deepEqual(members._embedded.members.map(({ id }) => id), [member.id]);
  const theirs = await does('get', `/v1/users/${user.id}/conversations`);
  assert.deepEqual(theirs._embedded.conversations.map(({ id }) => id), [conversation.id]);

  const sent = await does('post', `${at}/events`, { type: 'text', from: member.id, body: { text: 'von Python, grüßend' } });
  const event = await does('get', `${at}/events/${sent.id}`);
  assert.deepEqual([event.type, event.body.text, event.from], ['text', 'von Python, grüßend', member.id]);
  const events = await does('get', `${at}/events`, { page_size: 10 });
  assert.deepEqual(events._embedded.map(({ id, type }) => [id, type]), [[1, 'member:joined'], [2, 'text']]);
  await does('delete', `${at}/events/${sent.id}`);
  assert.equal((await does('get', `${at}/events/${sent.id}`)).body.text, undefined, 'a deleted text is gone');

  assert.equal((await does('patch', `${at}/members/${member.id}`, { state: 'left' })).state, 'LEFT');
  await does('delete', at);
  assert.deepEqual(await fails('get', at), ['NotFoundError', 404, 'conversation:error:not-found']);
});

test('a token that it signs logs nexmo-client in, and both hear each other', async () => {
  const { does } = backend;
  const name = named('grace');
  const user = await does('create_user', { name, display_name: 'Grace' });
  const token = await does('token', { sub: name, acl: CLIENT_ACL });
  const client = await inProcess(name);
  const { me } = await client.does('createSession', pointed(door.url), token);
  assert.deepEqual([me.id, me.name], [user.id, name]);
  const { id } = await client.does('newConversationAndJoin', { display_name: 'Both' });
  const text = await client.does('sendText', id, 'is anybody there?');
  const [, heard] = (await does('get', `/v1/conversations/${id}/events`))._embedded;
  assert.deepEqual([heard.id, heard.body.text], [Number(text.id), 'is anybody there?']);
  const { _embedded } = await does('get', `/v1/users/${user.id}/sessions`);
  assert.equal(_embedded.sessions.length, 1);

  // A text of the backend comes to the page by its member.
  const [member] = (await does('get', `/v1/conversations/${id}/members`))._embedded.members;
  const sent = await does('post', `/v1/conversations/${id}/events`, { type: 'text', from: member.id, body: { text: 'yes' } });
  await client.sees({ on: 'conversation', name: 'text', event: { id: sent.id, body: { text: 'yes' } } });
  await client.does('deleteSession');
  await client.leaves();
});

test('applications are managed with a key pair', async () => {
  const { does, fails } = backend;
  const { publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const made = [];
  for (const fields of [{ name: 'Shop' }, { name: 'Till', keys: { public_key: publicKey } }]) {
    made.push(await does('create_application', fields));
  }
  assert.match(made[0].keys.private_key, /BEGIN PRIVATE KEY/);
  assert.equal(made[1].keys.public_key, publicKey, 'a key of one’s own may be brought along');
  const read = await does('get_application', made[0].id);
  assert.deepEqual([read.id, read.name, read.keys.private_key], [made[0].id, 'Shop', undefined]);
  const pages = await does('list_applications');
  const listed = pages.flat().map(({ id }) => id);
  assert.ok(made.every(({ id }) => listed.includes(id)), `${listed}`);
  assert.ok(pages.every((page) => page.length <= 2));
  for (const { id } of made) await does('delete_application', id);
  assert.equal((await fails('get_application', made[0].id))[0], 'NotFoundError');
});

test('what is refused is the SDK’s own error', async () => {
  const { does, fails } = backend;
  const application = await does('create_application', { name: 'Short-lived' });
  const user = await does('create_user', { name: named('heidi') });
  const unknown = randomUUID();
  const cases = [
    ['an unknown user', ['get_user', `USR-${unknown}`], ['NotFoundError', 404, 'user:error:not-found']],
    ['an unknown conversation', ['get', `/v1/conversations/CON-${unknown}`], ['NotFoundError', 404, 'conversation:error:not-found']],
    ['a path that is none', ['get', '/v1/nothing'], ['NotFoundError', 404, 'http:error:not-found']],
    ['a name that is none', ['create_user', { name: 'USR-1' }], ['HttpRequestError', 400, 'user:error:invalid-user-name']],
    ['a page that is too long', ['get', '/v1/users', { page_size: 1000 }], ['HttpRequestError', 400, 'http:error:validation-fail']],
  ];
  for (const [what, asked, expected] of cases) assert.deepEqual(await fails(...asked), expected, what);
  assert.equal((await does('get_user', user.id)).id, user.id, 'a refusal harms nobody');
  await does('delete_application', application.id);

  const stranger = await inPython({ ...door, application }, { apiKey: `KEY-${unknown}`, apiSecret: 'wrong' });
  try {
    assert.deepEqual(await stranger.fails('list_users'), ['AuthenticationError', 401, 'system:error:invalid-token']);
    assert.equal((await stranger.fails('list_applications'))[0], 'AuthenticationError');
  } finally {
    await stranger.stop();
  }
});
