// The socket of the chat clients, with the real Pusher client.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { device } from './support/kustomer/device.mjs';
import { openDoor } from './support/kustomer/door.mjs';
import { openSocket } from './support/kustomer/socket.mjs';

let door;
const secrets = [];
const sockets = [];

before(async () => {
  // All that it can tell: no token and no message may be in it.
  door = await openDoor(['--log-level', 'trace']);
});

after(async () => {
  for (const socket of sockets) socket.close();
  await door?.stop([...secrets, 'my order']);
});

const unique = (who) => `${who}-${randomUUID().slice(0, 8)}`;
const answer = (chat, text) =>
  door.at(201, 'POST', `/v1/conversations/${chat}/events`, { body: { type: 'text', body: { text } } });

/// A device of a customer, on its socket and in its own channel.
async function online(who) {
  const phone = device(door.url, { secrets });
  const { trackingId, customerId } = await phone.logIn(await door.mint({ externalId: who }));
  const socket = await openSocket(door.url, phone);
  sockets.push(socket);
  const own = await socket.enter(socket.tracking(trackingId));
  return { phone, socket, own, trackingId, customerId };
}

test('what a customer writes and support answers is on every device at once', async () => {
  const who = unique('alice');
  const [one, other] = [await online(who), await online(who)];
  assert.equal(one.own.members.me.id, one.customerId);
  const chat = await one.phone.begin('An order');
  for (const [body, direction, say] of [
    ['Where is my order?', 'in', () => one.phone.say(chat, 'Where is my order?')],
    ['On its way.', 'out', () => answer(chat, 'On its way.')],
  ]) {
    const told = [one, other].map(({ socket, own }) => socket.message(own, body));
    await say();
    const messages = await Promise.all(told);
    const read = await one.phone.does('GET', `/c/v1/chat/sessions/${chat}/messages/${messages[0].id}`);
    assert.deepEqual(messages[0], read, 'it is told as it is read');
    for (const { attributes } of messages) assert.equal(attributes.direction, direction);
    assert.deepEqual(messages.map(({ attributes }) => attributes.trackingId), [one.trackingId, other.trackingId]);
  }
  const ended = other.socket.ended(other.own);
  await one.phone.does('PUT', `/c/v1/chat/sessions/${chat}`, { locked: true, lockReason: 'customer_ended' });
  const { id, attributes } = await ended;
  assert.deepEqual([id, attributes.lockReason], [chat, 'customer_ended']);
});

test('who types is told to the others in the chat, both ways', async () => {
  const [alice, bob] = [await online(unique('alice')), await online(unique('bob'))];
  const chat = await alice.phone.begin('Together');
  await door.at(201, 'POST', `/v1/conversations/${chat}/members`, { body: { user: { id: bob.customerId }, state: 'joined' } });
  const [hers, his] = await Promise.all([alice, bob].map(({ socket }) => socket.enter(socket.activity(chat))));
  for (const [from, to, of, at] of [
    [alice, bob, hers, his],
    [bob, alice, his, hers],
  ]) {
    for (const status of ['typing', 'typing-ended']) {
      const told = to.socket.typing(at);
      from.socket.types(of, status);
      assert.equal(await told, status);
    }
  }
});

test('nobody is let into what is not theirs', async () => {
  const [alice, mallory] = [await online(unique('alice')), await online(unique('mallory'))];
  const chat = await alice.phone.begin('Private');
  for (const name of [
    alice.socket.tracking(alice.trackingId),
    alice.socket.activity(chat),
    alice.socket.customer(alice.customerId),
    'presence-external-anything',
    'private-another',
  ]) {
    assert.equal(await mallory.socket.refused(name), 404, name);
  }
  await mallory.socket.enter(mallory.socket.customer(mallory.customerId));
  // A pass for another socket lets nobody in.
  const token = alice.phone.token;
  const body = new URLSearchParams({ socket_id: '1.2', channel_name: alice.socket.activity(chat) });
  const headers = { 'x-kustomer-tracking-token': token };
  const given = await fetch(`${door.url}/c/v1/pusher/auth`, { method: 'POST', headers, body });
  assert.equal(given.status, 200);
  const { auth } = await given.json();
  secrets.push(auth);
  assert.equal(await mallory.socket.refusedWith(alice.socket.activity(chat), auth), 403);
  // Nor does a token that is none.
  const own = mallory.phone.token;
  mallory.phone.token = 'not a token';
  assert.equal(await mallory.socket.refused(mallory.socket.activity(chat)), 401);
  mallory.phone.token = own;
});

test('a socket is cut with its session, and the next login is told of what is its own', async () => {
  const who = unique('alice');
  const { phone, socket, trackingId } = await online(who);
  const cut = socket.closedWith();
  const back = socket.becomes('connected');
  const tablet = device(door.url, { secrets });
  await tablet.logIn(await door.mint({ externalId: who }));
  await phone.logOut();
  assert.equal(await cut, 4200);
  await back;
  assert.equal(await socket.refused(socket.tracking(trackingId)), 404);
  const login = await phone.logIn(await door.mint({ externalId: who }));
  const again = await openSocket(door.url, phone);
  sockets.push(again);
  const own = await again.enter(again.tracking(login.trackingId));
  const chat = await tablet.begin('From the tablet');
  const told = again.message(own, 'is my order there?');
  await tablet.say(chat, 'is my order there?');
  assert.equal((await told).attributes.direction, 'in');
});

test('a client that lost its connection comes back, and is told again', async () => {
  const { phone, socket, own } = await online(unique('alice'));
  const chat = await phone.begin('Later');
  const back = socket.becomes('connected');
  // As a network that is gone.
  socket.pusher.connection.connection.transport.socket.close();
  await back;
  if (!own.subscribed) await socket.enter(own.name);
  const told = socket.message(own, 'On its way again.');
  await answer(chat, 'On its way again.');
  await told;
});

test('an address that names no application is told so', async () => {
  const phone = device(door.url, { secrets });
  await phone.start();
  const { pusher } = await openSocket(door.url, phone);
  const { wsHost, wsPort, wsPath } = pusher.config;
  pusher.disconnect();
  for (const [key, protocol, code] of [
    ['x', 7, 4001],
    [randomUUID(), 7, 4001],
    [pusher.key, 4, 4007],
  ]) {
    const socket = new WebSocket(`ws://${wsHost}:${wsPort}${wsPath}/app/${key}?protocol=${protocol}`);
    const [text] = await once(socket, 'message');
    const told = JSON.parse(text);
    assert.deepEqual([told.event, told.data.code], ['pusher:error', code]);
  }
});
