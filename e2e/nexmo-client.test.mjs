// The unmodified nexmo-client against the real binary: every version that applications
// ship, in a process and in a page, through the life of a conversation.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openBrowser } from './support/nexmo/browser.mjs';
import { openDoor } from './support/nexmo/door.mjs';
import { inProcess, pointed, WHILE_AWAY } from './support/nexmo/person.mjs';
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

/// Where an SDK runs, and what of it differs from the newest one.
const clients = {
  'nexmo-client 9.5.1 in Node': { open: (who) => inProcess(who, 'nexmo-client'), metrics: true, ephemeral: true },
  'nexmo-client 9.5.1 in Chromium': { open: (who) => browser.page(who), metrics: true, ephemeral: true, page: true },
  'nexmo-client 9.1.3 in Node': { open: (who) => inProcess(who, 'nexmo-client-9.1') },
  'nexmo-client 8.7.3 in Node': { open: (who) => inProcess(who, 'nexmo-client-8.7') },
};

/// Two users of one kind of client, each behind a tap.
async function two({ open }) {
  const names = ['alice', 'bob'].map((name) => `${name}-${randomUUID().slice(0, 8)}`);
  const pair = [];
  for (const name of names) {
    const { id } = await door.user(name);
    const wire = await tap(door.url);
    pair.push({ name, id, wire, client: await open(name), options: pointed(wire.url) });
  }
  return pair;
}

/// The smallest picture, in base64.
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const ids = (items) => items.map(({ id }) => id);
const increasing = (first, count) => Array.from({ length: count }, (_, index) => first + index);

for (const [name, kind] of Object.entries(clients)) {
  test(`${name}: the life of a conversation`, async (t) => {
    const [alice, bob] = await two(kind);
    t.after(async () => {
      for (const { client, wire } of [alice, bob]) {
        await client.dispose();
        await wire.close();
      }
    });
    let cid;
    let spoken;

    await t.test('both log in', async () => {
      for (const one of [alice, bob]) {
        const { session, me } = await one.client.does('createSession', one.options, door.token(one.name));
        assert.match(session, /^SES-[0-9a-f-]{36}$/);
        assert.deepEqual(me, { id: one.id, name: one.name });
      }
    });

    await t.test('one makes a conversation, joins it and invites the other', async () => {
      const made = await alice.client.does('newConversation', { name: `room-${alice.name}`, display_name: 'Room One' });
      cid = made.id;
      assert.match(cid, /^CON-/);
      assert.deepEqual(
        { name: made.name, display_name: made.display_name, me: made.me },
        { name: `room-${alice.name}`, display_name: 'Room One', me: null },
        'a creator is no member yet',
      );
      const member = await alice.client.does('join', cid);
      assert.deepEqual({ state: member.state, user: member.user }, { state: 'JOINED', user: { id: alice.id, name: alice.name } });
      await alice.client.sees({ on: 'conversation', name: 'member:joined', event: { id: 1 } });

      const invited = await alice.client.does('invite', cid, { user_name: bob.name });
      assert.equal(invited.state, 'INVITED');
      const heard = await bob.client.sees({ on: 'application', name: 'member:invited', event: { cid } });
      assert.equal(heard.event.id, undefined, 'an invitation has no number for the one invited: it would be the baseline');
      assert.equal(heard.event.body.invited_by, alice.name);
      assert.equal(heard.event.body.user.name, bob.name);
      await alice.client.sees({ on: 'conversation', name: 'member:invited', event: { id: 2 } });
      const known = await bob.client.does('knows', cid);
      assert.equal(known.me?.state, 'INVITED', 'the one invited finds their member');
    });

    await t.test('the other joins', async () => {
      const member = await bob.client.does('join', cid);
      assert.equal(member.state, 'JOINED');
      await alice.client.sees({ on: 'conversation', name: 'member:joined', event: { id: 3, body: { user: { name: bob.name } } } });
      await bob.client.sees({ on: 'conversation', name: 'member:joined', event: { id: 3 } });
      const [mine, theirs] = [await bob.client.does('getMyMember', cid), await alice.client.does('getMember', cid, member.id)];
      assert.equal(mine.id, member.id);
      assert.equal(theirs.user.name, bob.name);
    });

    await t.test('a text is delivered and seen', async () => {
      spoken = await alice.client.does('sendText', cid, 'hello');
      assert.equal(spoken.id, 4);
      const heard = await bob.client.sees({ on: 'conversation', name: 'text' });
      assert.deepEqual([heard.event.id, heard.event.body.text], [4, 'hello']);
      assert.equal(heard.member.user.name, alice.name);
      await alice.client.sees({ on: 'conversation', name: 'text', event: { id: 4 } });
      const me = (await bob.client.does('knows', cid)).me.id;
      const delivered = await alice.client.sees({ on: 'conversation', name: 'text:delivered' });
      assert.deepEqual(Object.keys(delivered.event.state.delivered_to), [me], 'the SDK tells by itself that a text came');
      await bob.client.does('seen', cid, 4);
      const seen = await alice.client.sees({ on: 'conversation', name: 'text:seen' });
      assert.deepEqual(Object.keys(seen.event.state.seen_by), [me]);
    });

    await t.test('messages, custom, typing and ephemeral events', async () => {
      const message = await alice.client.does('sendMessage', cid, { message_type: 'text', text: 'hi v2' });
      assert.equal(message.id, 5);
      const heard = await bob.client.sees({ on: 'conversation', name: 'message' });
      assert.deepEqual([heard.event.id, heard.event.body.text], [5, 'hi v2']);
      await alice.client.sees({ on: 'conversation', name: 'message:delivered' });

      assert.equal(await alice.client.does('startTyping', cid), 'text:typing:on:success');
      const on = await bob.client.sees({ on: 'conversation', name: 'text:typing:on' });
      assert.equal(on.event.id, undefined, 'typing is not numbered');
      assert.equal(await alice.client.does('stopTyping', cid), 'text:typing:off:success');
      await bob.client.sees({ on: 'conversation', name: 'text:typing:off', event: { body: { activity: 0 } } });

      const custom = await alice.client.does('sendCustomEvent', cid, { type: 'my_event', body: { a: 1 } });
      assert.equal(custom.id, 6);
      await bob.client.sees({ on: 'conversation', name: 'my_event', event: { id: 6, body: { a: 1 } } });

      if (!kind.ephemeral) return;
      const passing = await alice.client.does('sendEphemeralEvent', cid, { x: 1 });
      assert.ok(passing.timestamp, 'an ephemeral event tells when it was sent');
      const passed = await bob.client.sees({ on: 'conversation', name: 'ephemeral', event: { body: { x: 1 } } });
      assert.equal(passed.event.id, undefined);
    });

    await t.test('events are read in pages, and by type', async () => {
      const pages = [await bob.client.does('getEvents', cid, { page_size: 2, order: 'asc' })];
      while (pages.at(-1).next) pages.push(await bob.client.does('nextEvents'));
      assert.deepEqual(pages.map(({ items }) => ids(items)), [[1, 2], [3, 4], [5, 6]]);
      const back = await bob.client.does('previousEvents');
      assert.deepEqual(ids(back.items), [3, 4]);
      const latest = await bob.client.does('getEvents', cid, { page_size: 3, order: 'desc' });
      assert.deepEqual(ids(latest.items), [6, 5, 4]);
      for (const [event_type, expected] of [['member:*', [1, 2, 3]], ['text', [4]], ['custom:my_event', [6]], ['custom:nothing', []]]) {
        const { items } = await bob.client.does('getEvents', cid, { event_type });
        assert.deepEqual(ids(items), expected, event_type);
      }
    });

    await t.test('members, conversations, users and sessions are read', async () => {
      const { items } = await bob.client.does('getMembers', cid);
      assert.deepEqual(items.map(({ state, user }) => [state, user.name]), [['JOINED', alice.name], ['JOINED', bob.name]]);
      const one = await bob.client.does('getMembers', cid, { page_size: 1 });
      assert.deepEqual([one.items.length, one.next], [1, true]);
      const conversations = await bob.client.does('getConversations');
      assert.deepEqual(conversations.items.map((each) => [each.id, each.me.state]), [[cid, 'JOINED']]);
      const user = await bob.client.does('getUser', alice.id);
      assert.equal(user.name, alice.name);
      assert.deepEqual((await bob.client.does('getUserSessions')).map(({ user: who }) => who), [bob.name]);
      assert.equal((await bob.client.does('getConversation', cid)).name, `room-${alice.name}`);
    });

    await t.test('an event is deleted', async () => {
      await alice.client.does('deleteEvent', cid, 4);
      const gone = await bob.client.sees({ on: 'conversation', name: 'event:delete' });
      assert.equal(gone.event.body.text, '');
      assert.ok(gone.event.body.timestamp.deleted);
      const { items } = await bob.client.does('getEvents', cid, { event_type: 'text' });
      assert.ok(!JSON.stringify(items).includes('hello'), `a deleted text is gone: ${JSON.stringify(items)}`);
    });

    // Only a page has the form that the SDK uploads.
    if (kind.page) {
      await t.test('a picture is sent, read by its members, and deleted', async () => {
        const { status, text } = await alice.client.does('sendImage', cid, PIXEL, 'image/png');
        assert.equal(status, 200, text);
        const heard = await bob.client.sees({ on: 'conversation', name: 'image' });
        const { id, body } = heard.event;
        assert.deepEqual(Object.keys(body.representations).sort(), ['medium', 'original', 'thumbnail']);
        await alice.client.sees({ on: 'conversation', name: 'image:delivered' });
        for (const { client } of [alice, bob]) {
          for (const size of ['original', 'medium', 'thumbnail']) {
            const fetched = await client.does('fetchImage', cid, id, size);
            assert.equal(fetched.split(',')[1], PIXEL, size);
          }
        }
        await alice.client.does('deleteEvent', cid, id);
        const gone = await bob.client.sees({ on: 'conversation', name: 'event:delete', event: { id } });
        assert.equal(gone.event.body.representations, '');
        const { pathname } = new URL(body.representations.original.url);
        const left = await door.rest('GET', pathname, { token: door.token(bob.name) });
        assert.deepEqual([left.status, left.body.code], [404, 'media:error:not-found']);
      });

      await t.test('an upload that is broken off sends nothing', async () => {
        await alice.client.does('abortImage', cid, 4_000_000);
        const { id } = await alice.client.does('sendText', cid, 'no picture');
        await bob.client.sees({ on: 'conversation', name: 'text', event: { id } });
        const { items } = await bob.client.does('getEvents', cid, { order: 'desc', page_size: 2 });
        assert.deepEqual(items.map(({ type }) => type), ['text', 'event:delete']);
      });
    }

    await t.test('errors have the types of the vendor', async () => {
      assert.equal(
        await alice.client.fails('newConversation', { name: `room-${alice.name}` }),
        'conversation:error:duplicate-name',
      );
      const unknown = `CON-${randomUUID()}`;
      assert.equal(await alice.client.fails('getConversation', unknown), 'conversation:error:not-found');
      assert.equal(await alice.client.fails('getConversation', unknown, 'v0.1'), 'conversation:error:not-found');
    });

    await t.test('a token is renewed', async () => {
      await alice.client.does('updateToken', door.token(alice.name));
      const { id } = await alice.client.does('sendText', cid, 'with a new token');
      await alice.client.sees({ on: 'conversation', name: 'text:delivered', event: { id } });
    });

    await t.test('a lost transport is taken up, with what was missed', async () => {
      assert.deepEqual([...alice.wire.ranges(), ...bob.wire.ranges()], [], 'in a quiet network nothing is fetched anew');
      const session = await bob.client.does('session');
      bob.wire.shut();
      await bob.client.sees({ on: 'client', name: 'disconnect', detail: 'ConnectionError' });
      const missed = [];
      for (const text of ['one', 'two', 'three']) missed.push((await alice.client.does('sendText', cid, text)).id);
      bob.wire.open();
      await bob.client.sees({ on: 'client', name: 'reconnect' });
      for (const id of missed) await bob.client.sees({ on: 'conversation', name: 'text', event: { id } });
      assert.equal(await bob.client.does('session'), session, 'the same session goes on');
      if (!kind.metrics) return;
      const told = await bob.wire.sees({ method: 'POST', path: '/v2/rtc/metrics' });
      assert.ok([200, 204].includes(told.status), `the SDK tells how long it was away: ${told.status}`);
    });

    await t.test('both have heard every numbered event once, in order', () => {
      const counted = ({ client }) =>
        client.saw({ on: 'conversation', event: { cid, id: Number.isInteger } })
          // A state is told with the event that it belongs to.
          .filter(({ name: type }) => !/:(delivered|seen)$|^event:delete$/.test(type))
          .map(({ event }) => event.id);
      const all = increasing(1, counted(alice).at(-1));
      // A deletion is an event of its own, told with the number of what it deleted.
      const without = (list, heard) => list.filter((id) => heard.includes(id));
      const heard = counted(alice);
      assert.deepEqual(heard, without(all, heard), 'alice hears each once, in order');
      assert.ok(all.length - heard.length <= (kind.page ? 2 : 1), `alice hears all but the deletions: ${heard}`);
      assert.deepEqual(counted(bob), heard.filter((id) => id >= 3), 'bob hears the same, from his joining on');
    });

    await t.test('one leaves, and both log out', async () => {
      await alice.client.does('leave', cid, { reason_code: 'bye', reason_text: 'done' });
      const left = await bob.client.sees({ on: 'conversation', name: 'member:left' });
      assert.deepEqual(left.event.body.reason, { code: 'bye', text: 'done' });
      assert.ok(left.event.body.timestamp.left);
      await alice.client.sees({ on: 'conversation', name: 'member:left' });
      for (const { client } of [alice, bob]) {
        assert.match(await client.does('deleteSession'), /^session:(logged-out|terminated)$/);
        await client.sees({ on: 'client', name: 'disconnect', detail: 'ClientDisconnected' });
      }
    });

    await t.test('no promise was left, and the SDK complains of nothing but what it was refused', async () => {
      // The SDK logs what it was refused, and a browser also that it was.
      const refused = [/duplicate-name/, /not-found/];
      await alice.client.leaves(kind.page ? [...refused, /status of 409/, /status of 404/] : refused);
      await bob.client.leaves([], WHILE_AWAY);
    });
  });
}

