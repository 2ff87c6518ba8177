// Chats as the old clients have them, without a socket: they look now and then whether there is
// something new.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import jsonwebtoken from 'jsonwebtoken';
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

test('a file that a visitor has sent is on every device of the customer, and with support', async () => {
  const who = unique('alice');
  const phone = make();
  await phone.start();
  const chat = await phone.begin('Broken');
  const photo = await readFile(new URL('support/nexmo/door.mjs', import.meta.url));
  const attachment = await phone.attach('ünïcode "bill".txt', 'text/plain', photo);
  const message = await phone.does('POST', '/c/v1/chat/messages', { session: chat, body: 'my order came like this', attachments: [attachment] });
  assert.deepEqual(message.relationships.attachments.data, [{ type: 'attachment', id: attachment }]);
  await phone.logIn(await door.mint({ externalId: who }));
  const tablet = make();
  await tablet.logIn(await door.mint({ externalId: who }));
  for (const each of [phone, tablet]) {
    const { status, headers, bytes } = await each.file(message.id, attachment);
    assert.equal(status, 200);
    assert.ok(bytes.equals(photo));
    assert.match(headers.get('content-disposition'), /^attachment; filename\*=UTF-8''%C3%BCn%C3%AFcode%20%22bill%22\.txt$/);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
  }
  const { events } = await door.at(200, 'GET', `/v1/conversations/${chat}/events`);
  const { file } = events.find(({ type }) => type === 'message').body;
  const headers = { authorization: `Bearer ${door.application.api_key}` };
  const read = await fetch(`${door.native}${file.url}`, { headers });
  assert.ok(Buffer.from(await read.arrayBuffer()).equals(photo));
  const mallory = make();
  await mallory.logIn(await door.mint({ externalId: unique('mallory') }));
  assert.equal((await mallory.file(message.id, attachment)).status, 404);
});

test('what a customer says of itself is shown to nobody in the chat, at no door', async () => {
  const phone = make();
  const { customerId } = await phone.logIn(await door.mint({ externalId: unique('alice') }));
  await phone.describe({ emails: [{ email: 'secret@example.com' }], custom: { diagnosisStr: 'secret illness' } });
  const chat = await phone.begin('Together');
  const mate = { name: unique('mate') };
  const { id } = await door.at(201, 'POST', '/v1/users', { body: mate });
  await door.at(201, 'POST', `/v1/conversations/${chat}/members`, { body: { user: { id }, state: 'joined' } });
  const { privateKey, id: application_id } = await door.signing();
  const acl = { paths: { '/*/users/**': {}, '/*/conversations/**': {} } };
  const bearer = jsonwebtoken.sign({ application_id, sub: mate.name, acl, jti: randomUUID() }, privateKey, { algorithm: 'RS256' });
  for (const path of [`/v0.3/users/${customerId}`, `/v1/users/${customerId}`, `/v0.2/conversations/${chat}/members`]) {
    const response = await fetch(`${door.nexmo}${path}`, { headers: { authorization: `Bearer ${bearer}` } });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    assert.ok(text.includes(customerId) && !text.includes('secret'), text);
  }
  const own = await phone.does('PATCH', '/c/v1/customers/current', {});
  assert.equal(own.attributes.sharedEmails[0].email, 'secret@example.com');
  const read = await fetch(`${door.url}/v1/customers/${customerId}`, { headers: { authorization: `Bearer ${door.application.api_key}` } });
  assert.match(await read.text(), /secret illness/);
});
