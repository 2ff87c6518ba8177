// One history: what is said through the nexmo door is read and answered at the native
// one, and the other way round.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import jsonwebtoken from 'jsonwebtoken';
import { call } from './support/countersign.mjs';
import { device } from './support/device.mjs';
import { deferred, inTime } from './support/place.mjs';
import { openDoor } from './support/nexmo/door.mjs';
import { inProcess, pointed } from './support/nexmo/person.mjs';

let door;

before(async () => {
  door = await openDoor();
});
after(() => door?.stop());

async function native(method, path, options) {
  const answer = await call(door.native, method, path, options);
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/// A user of the native door, with a device on its socket.
async function nativeUser(external_id) {
  const { application } = door;
  const iat = Math.floor(Date.now() / 1000);
  const claims = { aud: application.id, sub: external_id, iat, exp: iat + 900, jti: randomUUID() };
  const credential = jsonwebtoken.sign(claims, door.privateKey, { algorithm: 'RS256' });
  const user = await native('POST', '/v1/users', { bearer: application.api_key, body: { external_id, name: external_id } });
  const login = await native('POST', '/v1/sessions', { bearer: application.publishable_key, body: { credential } });
  const heard = [];
  let look = () => {};
  const place = { url: door.native, there: () => Promise.resolve(), insist: (...given) => call(door.native, ...given) };
  const phone = device({
    place,
    token: login.access_token,
    told: (conversation, event) => {
      heard.push({ conversation, ...event });
      look();
    },
    refused: () => null,
  });
  await inTime('a native device', phone.ready);
  /// The next text that it is told in a conversation.
  const hears = (text) => {
    const found = deferred();
    look = () => {
      const event = heard.find(({ body }) => body?.text === text);
      if (event) found.resolve(event);
    };
    look();
    return inTime(`${external_id} hears ${text}`, found.promise);
  };
  return { id: user.id, bearer: login.access_token, phone, hears };
}

async function nexmoUser(name) {
  const { id } = await door.user(name);
  const client = await inProcess(name);
  await client.does('createSession', pointed(door.url), door.token(name));
  return { id, name, client };
}

const events = async (bearer, cid) => (await native('GET', `/v1/conversations/${cid}/events`, { bearer })).events;

test('a conversation of a nexmo client is read and answered by a native user', async () => {
  const mia = await nexmoUser(`mia-${randomUUID().slice(0, 8)}`);
  const noah = await nativeUser(`noah-${randomUUID().slice(0, 8)}`);
  const { id: cid } = await mia.client.does('newConversationAndJoin', { display_name: 'Across' });
  await mia.client.does('sendText', cid, 'is anybody there?');
  // Invited by the SDK, by id: the native user has the same kind of id.
  await mia.client.does('invite', cid, { id: noah.id });
  const member = { user: { id: noah.id }, state: 'joined' };
  await native('POST', `/v1/conversations/${cid}/members`, { bearer: noah.bearer, body: member });
  await mia.client.sees({ on: 'conversation', name: 'member:joined', event: { body: { user: { id: noah.id } } } });

  assert.equal((await noah.hears('is anybody there?')).conversation, cid);
  const answered = await noah.phone.send(cid, { type: 'text', body: { text: 'I am' }, client_id: randomUUID() });
  const heard = await mia.client.sees({ on: 'conversation', name: 'text', event: { body: { text: 'I am' } } });
  assert.deepEqual([heard.event.id, heard.member.user.id], [answered.id, noah.id]);

  // Delivered and seen cross too: the SDK tells the one by itself.
  await mia.client.does('seen', cid, answered.id);
  const shown = await native('GET', `/v1/conversations/${cid}/members`, { bearer: noah.bearer });
  const positions = shown.members.find(({ user_id }) => user_id === mia.id);
  assert.ok(JSON.stringify(positions).includes(`${answered.id}`), `mia's positions: ${JSON.stringify(positions)}`);

  const [there, here] = [await mia.client.does('getEvents', cid, { page_size: 100 }), await events(noah.bearer, cid)];
  assert.deepEqual(there.items.map(({ id, type }) => [id, type]), here.map(({ id, type }) => [id, type]));
  noah.phone.stop();
  await mia.client.leaves();
});

test('a conversation of a native user is read and answered by a nexmo client', async () => {
  const olga = await nexmoUser(`olga-${randomUUID().slice(0, 8)}`);
  const paul = await nativeUser(`paul-${randomUUID().slice(0, 8)}`);
  const { id: cid } = await native('POST', '/v1/conversations', { bearer: paul.bearer, body: { display_name: 'Back' } });
  const invited = { user: { name: olga.name }, state: 'invited' };
  await native('POST', `/v1/conversations/${cid}/members`, { bearer: paul.bearer, body: invited });
  await olga.client.sees({ on: 'application', name: 'member:invited', event: { cid } });
  await olga.client.does('join', cid);
  await olga.client.sees({ on: 'conversation', name: 'member:joined', event: { cid } });

  const { id } = await paul.phone.send(cid, { type: 'text', body: { text: 'welcome' }, client_id: randomUUID() });
  await olga.client.sees({ on: 'conversation', name: 'text', event: { id, body: { text: 'welcome' } } });
  await olga.client.does('sendText', cid, 'thank you');
  const heard = await paul.hears('thank you');
  assert.equal(heard.from.user_id, olga.id);

  // An edit or a deletion at one door is one at the other.
  await native('DELETE', `/v1/conversations/${cid}/events/${id}`, { bearer: paul.bearer });
  await olga.client.sees({ on: 'conversation', name: 'event:delete' });
  const { items } = await olga.client.does('getEvents', cid, { event_type: 'text' });
  assert.ok(!JSON.stringify(items).includes('welcome'), JSON.stringify(items));
  paul.phone.stop();
  await olga.client.leaves();
});

test('what one user of both doors has said is theirs at both', async () => {
  const name = `quinn-${randomUUID().slice(0, 8)}`;
  const quinn = await nexmoUser(name);
  const { id: cid } = await quinn.client.does('newConversationAndJoin', {});
  await quinn.client.does('sendText', cid, 'from the old application');
  // The same credential logs in at the native door: the new application of the same user.
  const { publishable_key } = door.application;
  const login = await native('POST', '/v1/sessions', { bearer: publishable_key, body: { credential: door.token(name) } });
  assert.equal(login.user.id, quinn.id);
  const texts = (await events(login.access_token, cid)).filter(({ type }) => type === 'text');
  assert.deepEqual(texts.map(({ body }) => body.text), ['from the old application']);
  await native('POST', `/v1/conversations/${cid}/events`, {
    bearer: login.access_token, body: { type: 'text', body: { text: 'from the new one' } },
  });
  await quinn.client.sees({ on: 'conversation', name: 'text', event: { body: { text: 'from the new one' } } });
  await quinn.client.leaves();
});
