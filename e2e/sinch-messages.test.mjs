// Messages of the unmodified sinch-rtc in Node: to one, to several, in several frames, with
// receipts, to whoever was away, and to people who use another door.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openDoor } from './support/sinch/door.mjs';

let door;

before(async () => {
  // All that it can tell: no message may be in it.
  door = await openDoor(['--log-level', 'trace']);
});

const SECRET_WORD = `word-${randomUUID()}`;
after(() => door?.stop(secrets));

const unique = (who) => `${who}-${randomUUID().slice(0, 8)}`;
/// Users who are told messages, each in a process of their own.
const listeners = (...names) => Promise.all(names.map((name) => door.listener(unique(name))));
const leave = (...people) => Promise.all(people.map((who) => who.leaves()));
const names = (...people) => people.map(({ name }) => name);

const secrets = [SECRET_WORD];

test('a message reaches whom it is for, and its sender is told so', async () => {
  const [alice, bob] = await listeners('alice', 'bob');
  const { rtcConfiguration, rtcProfile } = await alice.does('call', 'getConfiguration');
  const { publishKey, subscribeKey } = rtcConfiguration.broadcastNetwork;
  secrets.push(publishKey, subscribeKey, rtcProfile.broadcastChannel, rtcProfile.transportChannel);
  const text = `hello ${SECRET_WORD}`;
  const messageId = await alice.does('send', [bob.name], text);
  const got = await bob.told('message');
  assert.equal(got.senderId, alice.name);
  assert.equal(got.textBody, text);
  assert.equal(got.direction, false);
  assert.deepEqual(got.recipientIds.toSorted(), names(alice, bob).toSorted());
  assert.deepEqual(await alice.told('delivered', { messageId }), { kind: 'delivered', messageId, recipientId: bob.name });
  const own = await alice.told('message', { messageId });
  assert.equal(own.direction, true);
  await bob.does('send', [alice.name], 'and back');
  assert.equal((await alice.told('message', { direction: false })).textBody, 'and back');
  await leave(alice, bob);
});

test('several get a message, each once, with its headers, and each receipt is told', async () => {
  const [alice, bob, carol] = await listeners('zo\u{eb}', 'bob', 'carol');
  // More than one frame holds, in more than one script.
  const long = 'Gr\u{fc}\u{df}e, \u{4e16}\u{754c} \u{1f600} "quoted" \\ \n'.repeat(200);
  const messageId = await alice.does('send', names(bob, carol), long, '{"kind":"letter"}');
  for (const who of [bob, carol]) {
    const got = await who.told('message');
    assert.equal(got.textBody, long);
    assert.equal(got.headers, '{"kind":"letter"}');
    assert.equal(got.senderId, alice.name);
    assert.deepEqual(got.recipientIds.toSorted(), names(alice, bob, carol).toSorted());
    await alice.told('delivered', { messageId, recipientId: who.name });
  }
  await bob.does('send', names(alice, carol), 'to all');
  await carol.told('message', { textBody: 'to all' });
  await alice.told('message', { textBody: 'to all' });
  for (const who of [bob, carol]) {
    const more = who.left().filter(({ kind, direction }) => kind === 'message' && !direction);
    assert.deepEqual(more, []);
  }
  await leave(alice, bob, carol);
});

test('messages come in the order in which they were sent', async () => {
  const [alice, bob] = await listeners('alice', 'bob');
  // Once the SDK knows where to, it sends in order.
  await alice.does('send', [bob.name], 'first');
  await bob.told('message', { textBody: 'first' });
  const texts = Array.from({ length: 12 }, (_, number) => `${number}`);
  await Promise.all(texts.map((text) => alice.does('send', [bob.name], text)));
  for (const textBody of texts) {
    const got = await bob.told('message');
    assert.equal(got.textBody, textBody);
  }
  await leave(alice, bob);
});

test('whoever was away is told what came meanwhile, once', async () => {
  const [alice] = await listeners('alice');
  const name = unique('bob');
  const before = await door.listener(name);
  await before.leaves();
  const messageId = await alice.does('send', [name], 'while you were away');
  const bob = await door.listener(name);
  assert.equal((await bob.told('message')).textBody, 'while you were away');
  await alice.told('delivered', { messageId, recipientId: name });
  const again = await door.listener(name);
  await alice.does('send', [name], 'and now');
  // What has arrived on one device is not told on the next, and what comes is told on both.
  assert.equal((await again.told('message')).textBody, 'and now');
  assert.equal((await bob.told('message')).textBody, 'and now');
  await leave(alice, bob, again);
});

test('what a user says is told on the other devices of that user', async () => {
  const [phone, bob] = await listeners('alice', 'bob');
  const laptop = await door.listener(phone.name);
  const messageId = await phone.does('send', [bob.name], 'from my phone');
  const own = await laptop.told('message', { messageId });
  assert.equal(own.textBody, 'from my phone');
  assert.equal(own.direction, true);
  await laptop.told('delivered', { messageId, recipientId: bob.name });
  await leave(phone, laptop, bob);
});

test('a message to nobody, and one of whom was put out, is rejected', async () => {
  const [alice, bob] = await listeners('alice', 'bob');
  const error = await alice.fails('send', ['nobody-at-all'], 'hello?');
  assert.equal(error.domain, 1);
  assert.equal(error.code, 2000);
  assert.deepEqual(error.response, ['nobody-at-all']);
  await alice.does('send', [bob.name], 'hello');
  await bob.told('message', { textBody: 'hello' });
  const [{ id }] = await door.sessions(alice.name);
  await door.backend(204, 'DELETE', `/v1/sessions/${id}`);
  // The transport is known, so that it is the sending that is refused.
  const refused = await alice.fails('send', [bob.name], 'still there?');
  assert.match(refused.message, /PubNub: Error sending frame/);
  await bob.does('send', [alice.name], 'are you there?');
  assert.deepEqual(alice.left().filter(({ textBody }) => textBody === 'are you there?'), []);
  await leave(alice, bob);
});

test('who has terminated is told nothing, and what came after that later', async () => {
  const [alice, bob] = await listeners('alice', 'bob');
  await bob.does('terminate');
  await alice.does('send', [bob.name], 'too late');
  await bob.anew({ startActiveConnection: true });
  await bob.start({ userTicket: door.ticket(bob.name) });
  assert.equal((await bob.told('message')).textBody, 'too late');
  await leave(alice, bob);
});

test('people at the other doors have part in the same conversation', async () => {
  const [alice] = await listeners('alice');
  const [bob, carol] = ['bob', 'carol'].map(unique);
  for (const name of [bob, carol]) await door.backend(201, 'POST', '/v1/users', { name });
  const messageId = await alice.does('send', [bob, carol], 'hello all');
  const native = await door.nativeUser(bob);
  const { conversations } = await native('GET', '/v1/conversations');
  assert.equal(conversations.length, 1);
  const [{ id }] = conversations;
  const said = ({ events }) => events.filter(({ type }) => type === 'text').map(({ body }) => body.text);
  assert.deepEqual(said(await native('GET', `/v1/conversations/${id}/events`)), ['hello all']);
  await native('POST', `/v1/conversations/${id}/events`, { type: 'text', body: { text: 'from the native door' } });
  const answer = await alice.told('message', { direction: false });
  assert.deepEqual([answer.senderId, answer.textBody], [bob, 'from the native door']);

  const nexmo = await door.nexmoUser(carol);
  const listed = await nexmo('GET', `/v0.3/conversations/${id}/events`);
  const texts = listed._embedded.events.filter(({ type }) => type === 'text').map(({ body }) => body.text);
  assert.deepEqual(texts.toSorted(), ['from the native door', 'hello all']);
  await nexmo('POST', `/v0.3/conversations/${id}/events`, { type: 'message', body: { message_type: 'text', text: 'from nexmo' } });
  const other = await alice.told('message', { direction: false });
  assert.deepEqual([other.senderId, other.textBody], [carol, 'from nexmo']);

  // Seen there is delivered here.
  const { events } = await native('GET', `/v1/conversations/${id}/events`);
  const hello = events.find(({ body }) => body.text === 'hello all').id;
  await native('POST', `/v1/conversations/${id}/events`, { type: 'seen', body: { up_to: hello } });
  await alice.told('delivered', { messageId, recipientId: bob });
  await nexmo('POST', `/v0.3/conversations/${id}/events`, { type: 'message:delivered', body: { event_id: hello } });
  await alice.told('delivered', { messageId, recipientId: carol });
  await leave(alice);
});
