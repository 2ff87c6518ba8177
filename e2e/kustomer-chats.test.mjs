// Chats as the old clients have them, without a socket: they look now and then whether there is
// something new.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { device } from './support/kustomer/device.mjs';
import { openDoor } from './support/kustomer/door.mjs';

let door;
const secrets = [];

before(async () => {
  // All that it can tell: no token and no message may be in it.
  door = await openDoor(['--log-level', 'trace']);
});

after(() => door?.stop([...secrets, 'my order']));

const unique = (who) => `${who}-${randomUUID().slice(0, 8)}`;
const make = () => device(door.url, { secrets });
const answer = (chat, text) =>
  door.at(201, 'POST', `/v1/conversations/${chat}/events`, { body: { type: 'text', body: { text } } });

test('a chat that began before the login is on every device, with what support answers', async () => {
  const who = unique('alice');
  const phone = make();
  await phone.start();
  const chat = await phone.begin('An order');
  await phone.say(chat, 'Where is my order?');
  await phone.logIn(await door.mint({ externalId: who }));
  const tablet = make();
  await tablet.logIn(await door.mint({ externalId: who }));
  const before = await tablet.lastActivity();
  await answer(chat, 'On its way.');
  assert.notEqual(await tablet.lastActivity(), before);
  for (const each of [phone, tablet]) {
    assert.deepEqual(await each.said(chat), ['in: Where is my order?', 'out: On its way.']);
  }
});

test('the next person on a device sees nothing of the last one', async () => {
  const phone = make();
  await phone.start();
  await phone.logIn(await door.mint({ externalId: unique('alice') }));
  const chat = await phone.begin('Private');
  await phone.say(chat, 'my order is secret');
  await phone.logOut();
  assert.equal(await phone.lastActivity(), null);
  assert.deepEqual(await phone.refused(phone.token, 'GET', `/c/v1/chat/sessions/${chat}/messages`), [404, 'not_found']);
  await phone.logIn(await door.mint({ externalId: unique('bob') }));
  assert.deepEqual(await phone.chats(), []);
  assert.deepEqual(await phone.refused(phone.token, 'GET', `/c/v1/chat/sessions/${chat}/messages`), [404, 'not_found']);
});

test('a customer of this door and a user of the native API are one person with one history', async () => {
  const who = unique('alice');
  const phone = make();
  await phone.start();
  const chat = await phone.begin('One history');
  await phone.say(chat, 'my order, from the phone');
  await phone.logIn(await door.mint({ externalId: who }));
  const credential = await door.mint({ externalId: who });
  const body = { credential };
  const login = await door.at(201, 'POST', '/v1/sessions', { bearer: door.application.publishable_key, body });
  const bearer = login.access_token;
  const { events } = await door.at(200, 'GET', `/v1/conversations/${chat}/events`, { bearer });
  assert.ok(events.some((event) => event.body.text === 'my order, from the phone'));
  const event = { type: 'text', body: { text: 'my order, from the new app' } };
  await door.at(201, 'POST', `/v1/conversations/${chat}/events`, { bearer, body: event });
  assert.deepEqual(await phone.said(chat), ['in: my order, from the phone', 'in: my order, from the new app']);
});
