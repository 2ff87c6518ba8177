// The vendor's client SDK of today, unmodified, in a page: it speaks the same wire, and
// reads every answer by the letter. The other side is a nexmo-client.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { CLIENT_SDK, openBrowser } from './support/nexmo/browser.mjs';
import { openDoor } from './support/nexmo/door.mjs';
import { inProcess, pointed } from './support/nexmo/person.mjs';
import { tap } from './support/nexmo/tap.mjs';

let door;
let browser;

before(async () => {
  door = await openDoor();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await door?.stop();
});

const named = (name) => `${name}-${randomUUID().slice(0, 8)}`;

test('@vonage/client-sdk 2.3.1 in Chromium, with a nexmo-client', async (t) => {
  const [ivan, judy] = [named('ivan'), named('judy')];
  const users = { [ivan]: await door.user(ivan), [judy]: await door.user(judy) };
  const wire = await tap(door.url);
  const today = await browser.page(ivan, CLIENT_SDK);
  const before = await inProcess(judy);
  t.after(async () => {
    await today.dispose();
    await before.dispose();
    await wire.close();
  });
  const heard = (kind, more = {}) => today.sees({ on: 'client', name: 'conversationEvent', detail: { kind, ...more } });
  let cid;
  let mine;

  await t.test('both log in', async () => {
    assert.match(await today.does('createSession', wire.url, door.token(ivan)), /^SES-/);
    const me = await today.does('getUser', 'me');
    assert.deepEqual([me.id, me.name], [users[ivan].id, ivan]);
    await before.does('createSession', pointed(door.url), door.token(judy));
  });

  await t.test('it makes a conversation, joins and invites', async () => {
    const name = named('room');
    cid = await today.does('createConversation', { name, displayName: 'Room' });
    mine = await today.does('joinConversation', cid);
    await heard('member:joined', { conversationId: cid });
    const invited = await today.does('inviteToConversation', cid, judy);
    assert.match(invited, /^MEM-/);
    await heard('member:invited', { conversationId: cid });
    await before.sees({ on: 'application', name: 'member:invited', event: { cid } });
    await before.does('join', cid);
    await heard('member:joined', { body: { user: { name: judy } } });
    const read = await today.does('getConversation', cid);
    assert.deepEqual([read.name, read.displayName, read.memberId], [name, 'Room', mine]);
  });

  await t.test('messages go both ways', async () => {
    assert.match(await today.does('sendMessageTextEvent', cid, 'from today'), /^\d{4}-/);
    const there = await before.sees({ on: 'conversation', name: 'message', event: { body: { text: 'from today' } } });
    await heard('message:text', { body: { text: 'from today' } });
    await before.does('seen', cid, there.event.id);
    // Its own states of delivery come as events of their own.
    const statuses = () => today.saw({ on: 'client', name: 'conversationEvent', detail: { kind: /^message:(delivered|seen)$/ } });
    await heard('message:seen');
    assert.ok(statuses().length >= 1);
    const { id } = await before.does('sendMessage', cid, { message_type: 'text', text: 'from before' });
    await heard('message:text', { id, body: { text: 'from before' } });
    await today.does('sendMessageSeenEvent', id, cid);
    await before.sees({ on: 'conversation', name: 'message:seen', event: { id } });
    await today.does('sendCustomEvent', cid, 'ping', '{"a":1}');
    await before.sees({ on: 'conversation', name: 'ping', event: { body: { a: 1 } } });
    await today.does('sendEphemeralEvent', cid, '{"b":2}');
    await before.sees({ on: 'conversation', name: 'ephemeral' });
  });

  await t.test('lists are read', async () => {
    const { conversations } = await today.does('getConversations');
    assert.deepEqual(conversations.map(({ id, memberId, memberState }) => [id, memberId, memberState]), [[cid, mine, 'JOINED']]);
    const { members } = await today.does('getConversationMembers', cid);
    assert.deepEqual(members.map(({ state, user }) => [state, user?.name]), [['JOINED', ivan], ['JOINED', judy]]);
    const { events } = await today.does('getConversationEvents', cid);
    assert.deepEqual(
      events.map(({ id, kind }) => `${id} ${kind}`),
      ['1 member:joined', '2 member:invited', '3 member:joined', '4 message:text', '5 message:text', '6 custom'],
    );
  });

  await t.test('it is invited', async () => {
    const { id } = await before.does('newConversationAndJoin', {});
    await before.does('invite', id, { user_name: ivan });
    await heard('member:invited', { conversationId: id });
    await today.does('joinConversation', id);
    await before.sees({ on: 'conversation', name: 'member:joined', event: { cid: id, body: { user: { name: ivan } } } });
  });

  await t.test('an event is deleted, a token renewed, and it leaves', async () => {
    await today.does('deleteEvent', 4, cid);
    await before.sees({ on: 'conversation', name: 'event:delete' });
    await heard('event:delete');
    await today.does('refreshSession', door.token(ivan));
    await today.does('leaveConversation', cid);
    await before.sees({ on: 'conversation', name: 'member:left', event: { cid } });
    await today.does('deleteSession');
    await before.does('deleteSession');
  });

  await t.test('neither complains', async () => {
    await today.leaves();
    await before.leaves();
  });
});

test('@vonage/client-sdk 2.3.1: a refused login says why, in time', async (t) => {
  const who = named('kim');
  await door.user(who);
  const now = Math.floor(Date.now() / 1000);
  for (const [what, token, expected] of [
    ['garbage', () => 'garbage', 'session:error:invalid-token'],
    ['expired', () => door.signed({ sub: who, iat: now - 600, exp: now - 300 }), 'session:error:expired-token'],
    ['without the right to a session', () => door.signed({ sub: who, acl: { paths: {} } }), /permission/],
    ['of nobody', () => door.token('nobody'), /error/],
  ]) {
    await t.test(what, async () => {
      const client = await browser.page(who, CLIENT_SDK);
      try {
        const type = await client.fails('createSession', door.url, token());
        if (expected instanceof RegExp) assert.match(type, expected);
        else assert.equal(type, expected);
      } finally {
        await client.dispose();
      }
    });
  }
});
