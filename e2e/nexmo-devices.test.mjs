// Several devices, long absences, leaving and coming back: what an application meets
// after its first day. Unmodified nexmo-client 9.5.1 in Node.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openDoor } from './support/nexmo/door.mjs';
import { inProcess, pointed, WHILE_AWAY } from './support/nexmo/person.mjs';
import { tap } from './support/nexmo/tap.mjs';

/// Texts that are missed in a long absence: more than a socket is sent at once.
const MISSED = 700;

let door;

before(async () => {
  door = await openDoor();
});
after(() => door?.stop());

const named = (name) => `${name}-${randomUUID().slice(0, 8)}`;

/// A user who is logged in, and the user's id.
async function user(name, { url = door.url, ...options } = {}) {
  const who = named(name);
  const { id } = await door.user(who);
  return { id, ...(await device(who, { url, ...options })) };
}

async function device(who, { url = door.url, ...options } = {}) {
  const client = await inProcess(who);
  const { session } = await client.does('createSession', pointed(url, options), door.token(who));
  return { who, client, session };
}

/// A conversation of the first, in which all are.
async function together([host, ...others]) {
  const { id: cid } = await host.client.does('newConversationAndJoin', {});
  for (const { who, client } of others) {
    await host.client.does('invite', cid, { user_name: who });
    await client.sees({ on: 'application', name: 'member:invited', event: { cid } });
    await client.does('join', cid);
    await client.sees({ on: 'conversation', name: 'member:joined', event: { cid } });
  }
  return cid;
}

const texts = (client, cid) => client.saw({ on: 'conversation', name: 'text', event: { cid } }).map(({ event }) => event.body.text);

test('every device of a user hears what is sent, also what another of them sends', async () => {
  const anna = await user('anna');
  const phone = await device(anna.who);
  const ben = await user('ben');
  const cid = await together([anna, ben]);
  await phone.client.does('getConversation', cid);
  await anna.client.does('sendText', cid, 'from the laptop');
  await phone.client.does('sendText', cid, 'from the phone');
  await ben.client.does('sendText', cid, 'from ben');
  const all = ['from the laptop', 'from the phone', 'from ben'];
  for (const { client } of [anna, phone, ben]) {
    for (const text of all) await client.sees({ on: 'conversation', name: 'text', event: { cid, body: { text } } });
    assert.deepEqual(texts(client, cid), all, client.who);
  }
  for (const { client } of [anna, phone, ben]) await client.leaves([], [/NXMEvent not found/]);
});

test('a long absence is made good, in order', async () => {
  const wire = await tap(door.url);
  const cleo = await user('cleo', { url: wire.url });
  const dan = await user('dan');
  const cid = await together([dan, cleo]);
  await dan.client.does('sendText', cid, 'first');
  await cleo.client.sees({ on: 'conversation', name: 'text', event: { cid, body: { text: 'first' } } });
  wire.shut();
  await cleo.client.sees({ on: 'client', name: 'disconnect', detail: 'ConnectionError' });
  const token = door.token(dan.who);
  const expected = ['first'];
  for (let number = 1; number <= MISSED; number += 1) {
    const text = `missed ${number}`;
    expected.push(text);
    const sent = await door.rest('POST', `/beta/conversations/${cid}/events`, { token, body: { type: 'text', body: { text } } });
    assert.equal(sent.status, 200, `${number}: ${JSON.stringify(sent.body)}`);
  }
  wire.open();
  await cleo.client.sees({ on: 'conversation', name: 'text', event: { cid, body: { text: expected.at(-1) } } }, 30_000);
  assert.deepEqual(texts(cleo.client, cid), expected);
  await dan.client.does('sendText', cid, 'after');
  await cleo.client.sees({ on: 'conversation', name: 'text', event: { cid, body: { text: 'after' } } });
  await cleo.client.leaves([], [...WHILE_AWAY, /NXMEvent not found/]);
  await dan.client.leaves([], [/NXMEvent not found/]);
  await wire.close();
});

test('who is invited may decline, and who left may come back as a new member', async () => {
  const [emma, finn] = [await user('emma'), await user('finn')];
  const { id: cid } = await emma.client.does('newConversationAndJoin', {});
  const first = await emma.client.does('invite', cid, { user_name: finn.who });
  await finn.client.sees({ on: 'application', name: 'member:invited', event: { cid } });
  await finn.client.does('leave', cid, { reason_code: 'no', reason_text: 'not now' });
  await emma.client.sees({ on: 'conversation', name: 'member:left', event: { cid, body: { user: { name: finn.who } } } });
  await finn.client.sees({ on: 'conversation', name: 'member:left', event: { cid } });

  const second = await emma.client.does('invite', cid, { user_name: finn.who });
  assert.notEqual(second.id, first.id, 'a new membership is a new member');
  await finn.client.sees({ on: 'application', name: 'member:invited', event: { cid } });
  const joined = await finn.client.does('join', cid);
  assert.deepEqual([joined.id, joined.state], [second.id, 'JOINED']);
  await emma.client.does('sendText', cid, 'welcome back');
  await finn.client.sees({ on: 'conversation', name: 'text', event: { cid, body: { text: 'welcome back' } } });
  const { items } = await finn.client.does('getConversations');
  assert.deepEqual(items.map(({ id, me }) => [id, me.id]), [[cid, second.id]]);
  for (const { client } of [emma, finn]) await client.leaves();
});

test('who made a conversation puts others out, and nobody else does', async () => {
  const [host, guest, other] = [await user('host'), await user('guest'), await user('other')];
  const cid = await together([host, guest, other]);
  const { id: place } = await guest.client.does('getMyMember', cid);
  const { id: hosts } = await host.client.does('getMyMember', cid);
  for (const id of [place, hosts]) assert.equal(await other.client.fails('kick', cid, id), 'system:error:permission');
  const reason = { reason_code: 'rude', reason_text: 'mind your tone' };
  await host.client.does('kick', cid, place, reason);
  for (const { client } of [guest, other, host]) {
    const left = await client.sees({ on: 'conversation', name: 'member:left', event: { cid, body: { user: { name: guest.who } } } });
    assert.deepEqual(left.event.body.reason, { code: 'rude', text: 'mind your tone' });
    assert.equal(left.event.body.initiator.left.member_id, hosts, 'it is told who did it');
  }
  assert.equal((await guest.client.does('knows', cid)).me.state, 'LEFT');
  await host.client.does('sendText', cid, 'without the guest');
  await other.client.sees({ on: 'conversation', name: 'text', event: { cid, body: { text: 'without the guest' } } });
  assert.match(await guest.client.fails('sendText', cid, 'still here?'), /not-found|not-joined/);
  assert.deepEqual(texts(guest.client, cid), [], 'nothing is told after it');

  // One who was only asked in, and one's own place.
  const again = await host.client.does('invite', cid, { user_name: guest.who });
  await guest.client.sees({ on: 'application', name: 'member:invited', event: { cid } });
  await host.client.sees({ on: 'conversation', name: 'member:invited', event: { cid, body: { user: { name: guest.who }, member_id: again.id } } });
  await host.client.does('kick', cid, again.id, reason);
  await other.client.sees({ on: 'conversation', name: 'member:left', event: { cid, body: { member_id: again.id } } });
  const { id: own } = await other.client.does('getMyMember', cid);
  await other.client.does('kick', cid, own);
  await host.client.sees({ on: 'conversation', name: 'member:left', event: { cid, body: { user: { name: other.who } } } });
  await host.client.leaves();
  await guest.client.leaves([/not-found|not-joined/]);
  await other.client.leaves([/permission/]);
});

test('who is not in a conversation does not know that it is there', async () => {
  const [gina, hugo] = [await user('gina'), await user('hugo')];
  const cid = await together([gina]);
  assert.equal(await hugo.client.fails('getConversation', cid), 'conversation:error:not-found');
  assert.deepEqual((await hugo.client.does('getConversations')).items, []);
  await gina.client.does('sendText', cid, 'nobody else');
  await gina.client.sees({ on: 'conversation', name: 'text', event: { cid } });
  assert.deepEqual(hugo.client.saw({ on: 'application' }), []);
  await gina.client.leaves();
  await hugo.client.leaves([/not-found/]);
});

test('a conversation is deleted by who made it, and by nobody else', async () => {
  const [ines, jack] = [await user('ines'), await user('jack')];
  const cid = await together([ines, jack]);
  assert.match(await jack.client.fails('del', cid), /permission|not-allowed/);
  await ines.client.does('del', cid);
  assert.equal(await jack.client.fails('getConversation', cid), 'conversation:error:not-found');
  await ines.client.leaves();
  await jack.client.leaves([/permission|not-allowed/, /not-found/]);
});

test('a user who is deleted is out at once', async () => {
  const [kate, liam] = [await user('kate'), await user('liam')];
  const cid = await together([kate, liam]);
  const gone = await door.rest('DELETE', `/v1/users/${liam.id}`, { token: door.backend() });
  assert.equal(gone.status, 204, JSON.stringify(gone.body));
  await liam.client.sees({ on: 'client', name: 'disconnect', detail: 'TokenExpired' });
  const asked = await door.rest('GET', `/beta/users/${liam.id}`, { token: door.token(liam.who) });
  assert.equal(asked.status, 401, JSON.stringify(asked.body));
  await kate.client.does('sendText', cid, 'still here');
  await kate.client.sees({ on: 'conversation', name: 'text', event: { cid, body: { text: 'still here' } } });
  await kate.client.leaves();
  await liam.client.dispose();
});

test('a session that ended meanwhile is not taken up: the client gets a new one', async () => {
  const wire = await tap(door.url);
  const mona = await user('mona', { url: wire.url });
  wire.shut();
  await mona.client.sees({ on: 'client', name: 'disconnect', detail: 'ConnectionError' });
  const ended = await fetch(`${door.native}/v1/sessions/${mona.session}`, {
    method: 'DELETE', headers: { authorization: `Bearer ${await nativeToken(mona.who)}` },
  });
  assert.ok(ended.ok, `${ended.status} ${await ended.text()}`);
  // The session's credential ended with it: the application brings a new one.
  await mona.client.does('updateToken', door.token(mona.who));
  wire.open();
  await mona.client.sees({ on: 'client', name: 'reconnect' });
  const { id: cid } = await mona.client.does('newConversationAndJoin', {});
  await mona.client.sees({ on: 'conversation', name: 'member:joined', event: { cid } });
  assert.notEqual(await mona.client.does('session'), mona.session);
  await mona.client.leaves([], WHILE_AWAY);
  await wire.close();
});

/// An access token of the native door, by a credential of the nexmo kind.
async function nativeToken(who) {
  const response = await fetch(`${door.native}/v1/sessions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${door.application.publishable_key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ credential: door.token(who) }),
  });
  return (await response.json()).access_token;
}

test('other options of the SDK: inbound offers, and a full sync', async () => {
  const nora = await user('nora', { enableInboundOffer: true });
  const otto = await user('otto');
  const cid = await together([nora, otto]);
  await otto.client.does('sendText', cid, 'one');
  await nora.client.sees({ on: 'conversation', name: 'text', event: { cid, id: 4 } });
  const synced = await device(otto.who, { sync: 'full' });
  const { items } = await synced.client.does('getConversations');
  assert.deepEqual(items.map(({ id }) => id), [cid]);
  await synced.client.does('getConversation', cid);
  assert.equal((await synced.client.does('event', cid, 4)).body.text, 'one');
  for (const { client } of [nora, otto, synced]) await client.leaves([], [/NXMEvent not found/]);
});

test('what can be reached is reported', async () => {
  const paula = await user('paula');
  const { connectivityReport: [place, ...others] } = await paula.client.does('connectivityReport', door.token(paula.who));
  assert.deepEqual([place.name, others], ['countersign', []]);
  const { https, ws } = place.signalConnectionReport;
  assert.deepEqual([https.canConnect, ws.canConnect, place.mediaConnectionReport], [true, true, []]);
  await paula.client.leaves();
});
