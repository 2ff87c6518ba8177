// Backends: the vendor's server SDKs of today and of before, unmodified, and calls as
// applications in the wild make them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { tokenGenerate } from '@vonage/jwt';
import { Vonage } from '@vonage/server-sdk';
import { call } from './support/countersign.mjs';
import { CLIENT_ACL, openDoor } from './support/nexmo/door.mjs';
import { inProcess, pointed } from './support/nexmo/person.mjs';

const Nexmo = createRequire(import.meta.url)('nexmo');

let door;

before(async () => {
  door = await openDoor();
});
after(() => door?.stop());

const named = (name) => `${name}-${randomUUID().slice(0, 8)}`;

/// All that a list of the SDK yields.
async function all(pages) {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
}

/// The status and the code of what an SDK of today throws.
async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    if (!error.response) throw error;
    return [error.response.status, (await error.response.json?.())?.code ?? error.response.data?.code];
  }
  return assert.fail('it succeeded');
}

test('@vonage/server-sdk', async (t) => {
  const vonage = new Vonage(
    { applicationId: door.application.id, privateKey: door.privateKey },
    { apiHost: door.url, restHost: door.url },
  );
  const { users, conversations } = vonage;
  const [carol, dave] = [named('carol'), named('dave')];
  let one;
  let other;
  let cid;
  let member;

  await t.test('users are made, read, changed and listed', async () => {
    one = await users.createUser({ name: carol, displayName: 'Carol', properties: { customData: { tier: 'gold' } } });
    other = await users.createUser({ name: dave });
    assert.match(one.id, /^USR-/);
    assert.equal(one.name, carol);
    const read = await users.getUser(one.id);
    assert.deepEqual([read.id, read.name, read.displayName], [one.id, carol, 'Carol']);
    assert.deepEqual(read.properties?.customData, { tier: 'gold' });
    await users.updateUser({ id: one.id, displayName: 'Carol II', name: carol });
    assert.equal((await users.getUser(one.id)).displayName, 'Carol II');
    const found = await all(users.listAllUsers({ pageSize: 1 }));
    assert.deepEqual(found.map(({ name }) => name).filter((name) => [carol, dave].includes(name)), [carol, dave]);
    assert.equal(new Set(found.map(({ id }) => id)).size, found.length, 'no page shows a user twice');
    const page = await users.getUserPage({ name: dave });
    assert.deepEqual(page._embedded.users.map(({ name }) => name), [dave], 'a name finds its user alone');
  });

  await t.test('a conversation is made, read, changed and listed', async () => {
    const name = named('room');
    const made = await conversations.createConversation({ name, displayName: 'Room' });
    cid = made.id;
    assert.match(cid, /^CON-/);
    assert.deepEqual([made.name, made.displayName, made.state], [name, 'Room', 'ACTIVE']);
    assert.ok(made.timestamp.created);
    assert.equal((await conversations.getConversation(cid)).name, name);
    const changed = await conversations.updateConversation({ id: cid, name, displayName: 'Hall' });
    assert.equal(changed.displayName, 'Hall');
    const unnamed = await conversations.createConversation({});
    assert.ok(unnamed.name, 'a conversation without a name gets one');
    const found = await all(conversations.listAllConversations({ pageSize: 1 }));
    assert.deepEqual(found.map(({ id }) => id).filter((id) => [cid, unnamed.id].includes(id)), [cid, unnamed.id]);
    const { created } = (await conversations.getConversation(unnamed.id)).timestamp;
    for (const [parameters, expected] of [
      [{ dateStart: created }, [unnamed.id]],
      [{ dateEnd: made.timestamp.created }, [cid]],
      [{ dateStart: made.timestamp.created, dateEnd: created }, [cid, unnamed.id]],
    ]) {
      const listed = await all(conversations.listAllConversations({ pageSize: 1, ...parameters }));
      const ours = listed.map(({ id }) => id).filter((id) => [cid, unnamed.id].includes(id));
      assert.deepEqual(ours, expected, JSON.stringify(parameters));
    }
    await conversations.deleteConversation(unnamed.id);
    assert.deepEqual(await refusal(conversations.getConversation(unnamed.id)), [404, 'conversation:error:not-found']);
  });

  await t.test('members are added, read, listed and removed', async () => {
    member = await conversations.createMember(cid, { state: 'joined', user: { id: one.id }, channel: { type: 'app' } });
    assert.match(member.id, /^MEM-/);
    assert.deepEqual([member.state, member.user.name], ['JOINED', carol]);
    const invited = await conversations.createMember(cid, { state: 'invited', user: { name: dave }, channel: { type: 'app' } });
    assert.equal(invited.state, 'INVITED');
    assert.equal((await conversations.getMember(cid, member.id)).user.name, carol);
    const found = await all(conversations.listAllMembers(cid, { pageSize: 1 }));
    assert.deepEqual(found.map(({ id, state }) => [id, state]), [[member.id, 'JOINED'], [invited.id, 'INVITED']]);
    const left = await conversations.updateMember(cid, invited.id, { state: 'left', reason: { code: '1', text: 'no' } });
    assert.equal(left.state, 'LEFT');
    const theirs = await all(conversations.listAllUserConversations(one.id));
    assert.deepEqual(theirs.map(({ id }) => id), [cid]);
  });

  await t.test('events are sent, read, listed and deleted', async () => {
    const sent = await conversations.createEvent(cid, { type: 'text', from: member.id, body: { text: 'yo' } });
    const read = await conversations.getEvent(cid, sent.id);
    assert.deepEqual([read.type, read.body.text, read.from], ['text', 'yo', member.id]);
    assert.equal(read.fromUser.name, carol);
    await conversations.createEvent(cid, { type: 'custom:ping', from: member.id, body: { n: 1 } });
    const found = await all(conversations.listAllEvents(cid, { pageSize: 2 }));
    assert.deepEqual(found.map(({ id }) => Number(id)), found.map((_, index) => index + 1), 'numbered without holes');
    assert.deepEqual(found.slice(-2).map(({ type }) => type), ['text', 'custom:ping']);
    await conversations.deleteEvent(cid, sent.id);
    const after = await all(conversations.listAllEvents(cid, { excludeDeletedEvents: true }));
    assert.ok(!JSON.stringify(after).includes('"yo"'), 'a deleted text is gone');
  });

  await t.test('sessions of a user are listed', async () => {
    const client = await inProcess(carol);
    const { session } = await client.does('createSession', pointed(door.url), door.token(carol));
    const found = await all(conversations.listAllUserSessions(one.id));
    assert.deepEqual(found.map(({ id, user }) => [id, user.name]), [[session, carol]]);
    // What a backend does, a client hears.
    await conversations.createEvent(cid, { type: 'text', from: member.id, body: { text: 'from the backend' } });
    await client.does('getConversation', cid);
    await client.does('deleteSession');
    await client.leaves([], [/NXMEvent not found/]);
  });

  await t.test('what is refused has the vendor’s codes', async () => {
    const unknown = `${randomUUID()}`;
    for (const [what, asks, expected] of [
      ['an unknown user', () => users.getUser(`USR-${unknown}`), [404, 'user:error:not-found']],
      ['an unknown conversation', () => conversations.getConversation(`CON-${unknown}`), [404, 'conversation:error:not-found']],
      ['no id at all', () => conversations.getConversation('CON-x'), [404, 'conversation:error:not-found']],
      ['an unknown event', () => conversations.getEvent(cid, '9999'), [404, 'event:error:not-found']],
      ['an unknown member', () => conversations.getMember(cid, `MEM-${unknown}`), [404, 'conversation:error:member-not-found']],
      ['a name twice', () => users.createUser({ name: carol }), [409, 'user:error:duplicate-name']],
      ['a name that is none', () => users.createUser({ name: 'USR-1' }), [400, 'user:error:invalid-user-name']],
    ]) {
      assert.deepEqual(await refusal(asks()), expected, what);
    }
  });

  await t.test('a user is deleted', async () => {
    await users.deleteUser(other.id);
    assert.deepEqual(await refusal(users.getUser(other.id)), [404, 'user:error:not-found']);
  });
});

test('nexmo 2.7.0-beta-1', async (t) => {
  const { hostname, port } = new URL(door.url);
  const nexmo = new Nexmo(
    { apiKey: 'key', apiSecret: 'secret', applicationId: door.application.id, privateKey: Buffer.from(door.privateKey) },
    { apiHost: hostname, port: Number(port) },
  );
  /// Its calls take a callback last.
  const asks = (resource, method, ...given) =>
    new Promise((resolve, reject) => {
      resource[method](...given, (error, answer) => (error ? reject(Object.assign(new Error(), error)) : resolve(answer)));
    });
  const { users, conversations } = nexmo;
  const name = named('erin');
  let user;
  let cid;
  let member;

  await t.test('users', async () => {
    user = await asks(users, 'create', { name, display_name: 'Erin' });
    assert.match(user.id, /^USR-/);
    assert.equal((await asks(users, 'get', user.id)).name, name);
    assert.deepEqual((await asks(users, 'get', { name }))._embedded.data.users.map(({ id }) => id), [user.id]);
    const page = await asks(users, 'get', { page_size: 1 });
    assert.equal(page._embedded.data.users.length, 1);
    await asks(users, 'update', user.id, { display_name: 'Erin II' });
    assert.equal((await asks(users, 'get', user.id)).display_name, 'Erin II');
  });

  await t.test('conversations', async () => {
    const room = named('room');
    cid = (await asks(conversations, 'create', { name: room, display_name: 'Room' })).id;
    const read = await asks(conversations, 'get', cid);
    assert.deepEqual([read.uuid, read.name], [cid, room]);
    await asks(conversations, 'update', cid, { name: room, display_name: 'Hall' });
    assert.equal((await asks(conversations, 'get', cid)).display_name, 'Hall');
    const found = await asks(conversations, 'get', { page_size: 100 });
    assert.ok(found._embedded.data.conversations.some(({ id }) => id === cid));
  });

  await t.test('members', async () => {
    const { members } = conversations;
    member = await asks(members, 'create', cid, { action: 'join', user_id: user.id, channel: { type: 'app' } });
    assert.match(member.id, /^MEM-/);
    assert.equal(member.state.toUpperCase(), 'JOINED');
    const invitee = await asks(users, 'create', { name: named('fred') });
    const invited = await asks(members, 'add', cid, { action: 'invite', user_id: invitee.id, channel: { type: 'app' } });
    assert.equal(invited.state.toUpperCase(), 'INVITED');
    const found = await asks(members, 'get', cid, { page_size: 10 });
    assert.deepEqual(found._embedded.data.members.map(({ user_id }) => user_id), [user.id, invitee.id]);
    assert.equal((await asks(members, 'get', cid, member.id)).user_id ?? user.id, user.id);
    await asks(members, 'delete', cid, invited.id);
    const theirs = await asks(users, 'getConversations', user.id, { page_size: 10 });
    assert.deepEqual(theirs._embedded.data.conversations.map(({ id }) => id), [cid]);
  });

  await t.test('events', async () => {
    const { events } = conversations;
    const sent = await asks(events, 'create', cid, { type: 'text', from: member.id, body: { text: 'legacy' } });
    const found = await asks(events, 'get', cid, { page_size: 10, event_type: 'text' });
    assert.deepEqual(found._embedded.data.events.map(({ id, body }) => [id, body.text]), [[sent.id, 'legacy']]);
    await asks(events, 'delete', cid, sent.id);
    await asks(conversations, 'delete', cid);
    await asks(users, 'delete', user.id);
    await assert.rejects(asks(users, 'get', user.id), ({ statusCode }) => statusCode === 404);
  });
});

test('applications are managed with a key pair, and their users log in', async (t) => {
  const { operator_key: apiSecret } = door;
  const listed = await call(door.native, 'GET', '/v1/api-keys', { bearer: apiSecret });
  const [{ id: apiKey }] = listed.body.api_keys;

  await t.test('with @vonage/server-sdk', async () => {
    const { applications } = new Vonage({ apiKey, apiSecret }, { apiHost: door.url, restHost: door.url });
    const made = await applications.createApplication({ name: 'Shop', capabilities: {} });
    assert.match(made.keys.privateKey, /BEGIN PRIVATE KEY/);
    const read = await applications.getApplication(made.id);
    assert.deepEqual([read.name, read.keys.publicKey], ['Shop', made.keys.publicKey]);
    assert.equal(read.keys.privateKey, undefined, 'a private key is shown once');
    assert.ok((await all(applications.listAllApplications())).some(({ id }) => id === made.id));
    await applications.updateApplication({ ...read, name: 'Store' });
    assert.equal((await applications.getApplication(made.id)).name, 'Store');

    // What the vendor's quick start does next.
    const { users } = new Vonage({ applicationId: made.id, privateKey: made.keys.privateKey }, { apiHost: door.url });
    const name = named('ina');
    await users.createUser({ name });
    const client = await inProcess(name);
    const token = tokenGenerate(made.id, made.keys.privateKey, { subject: name, acl: CLIENT_ACL });
    const { me } = await client.does('createSession', pointed(door.url), token);
    assert.equal(me.name, name);
    await client.leaves();

    await applications.deleteApplication(made.id);
    assert.equal((await refusal(applications.getApplication(made.id)))[0], 404);
    assert.equal((await refusal(users.getUserPage()))[0], 401);
  });

  await t.test('with nexmo 2.7.0-beta-1', async () => {
    const { hostname, port } = new URL(door.url);
    const { applications } = new Nexmo({ apiKey, apiSecret }, { apiHost: hostname, port: Number(port) });
    const made = await new Promise((resolve, reject) => {
      applications.create({ name: 'Legacy' }, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
    assert.match(made.keys.private_key, /BEGIN PRIVATE KEY/);
    const read = await new Promise((resolve, reject) => {
      applications.get(made.id, (error, answer) => (error ? reject(error) : resolve(answer)), true);
    });
    assert.deepEqual([read.id, read.name], [made.id, 'Legacy']);
  });
});

test('a list of users before beta2 is an array', async () => {
  const name = named('grace');
  await door.user(name);
  const { status, body } = await door.rest('GET', '/beta/users', { token: door.backend() });
  assert.equal(status, 200, JSON.stringify(body));
  assert.ok(Array.isArray(body), `not an array: ${JSON.stringify(body).slice(0, 200)}`);
  assert.ok(body.some((user) => user.name === name));
});

test('users are found by name, in every version', async () => {
  const name = named('heidi');
  const { id } = await door.user(name);
  const path = `users?name=${encodeURIComponent(name)}`;
  const found = {
    v1: (body) => body._embedded.users, 'v0.3': (body) => body._embedded.users,
    beta2: (body) => body._embedded.data.users, 'v0.2': (body) => body._embedded.data.users,
    beta: (body) => body, 'v0.1': (body) => body,
  };
  for (const [version, list] of Object.entries(found)) {
    const { status, body } = await door.rest('GET', `/${version}/${path}`, { token: door.backend() });
    assert.equal(status, 200, `${version}: ${JSON.stringify(body)}`);
    assert.deepEqual(list(body).map((user) => user.id), [id], version);
    const nobody = await door.rest('GET', `/${version}/users?name=nobody-at-all`, { token: door.backend() });
    assert.deepEqual(list(nobody.body), [], version);
  }
});

test('each version has its own shape of an error', async () => {
  const unknown = `CON-${randomUUID()}`;
  for (const version of ['beta', 'beta2', 'v0.1', 'v0.2', 'v0.3', 'v1']) {
    const { status, body } = await door.rest('GET', `/${version}/conversations/${unknown}`, { token: door.backend() });
    assert.equal(status, 404, version);
    assert.equal(body.code, 'conversation:error:not-found', version);
    if (['v0.3', 'v1'].includes(version)) {
      assert.ok(body.title && body.detail && body.instance && body.type.endsWith(`#${body.code}`), JSON.stringify(body));
    } else {
      assert.ok(body.description, JSON.stringify(body));
    }
  }
});

test('voice is not there, and says so in the shape of errors', async () => {
  for (const [method, path] of [['POST', '/beta/legs'], ['GET', '/v0.3/legs'], ['POST', '/beta/knocking'], ['GET', '/v9/users']]) {
    const { status, body } = await door.rest(method, path, { token: door.backend(), body: method === 'POST' ? {} : undefined });
    assert.deepEqual([status, body.code], [404, 'http:error:not-found'], `${method} ${path}`);
  }
});
