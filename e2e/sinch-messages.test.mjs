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
after(() => door?.stop([SECRET_WORD]));

const unique = (who) => `${who}-${randomUUID().slice(0, 8)}`;

test('a message reaches whom it is for, and its sender is told so', async () => {
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((who) => door.listener(unique(who))));
  const text = `hello ${SECRET_WORD}`;
  const messageId = await alice.does('send', [bob.name], text);
  const got = await bob.told('message');
  assert.equal(got.senderId, alice.name);
  assert.equal(got.textBody, text);
  assert.equal(got.direction, false);
  assert.deepEqual(got.recipientIds.toSorted(), [alice.name, bob.name].toSorted());
  assert.deepEqual(await alice.told('delivered', { messageId }), { kind: 'delivered', messageId, recipientId: bob.name });
  const own = await alice.told('message', { messageId });
  assert.equal(own.direction, true);
  await bob.does('send', [alice.name], 'and back');
  assert.equal((await alice.told('message', { direction: false })).textBody, 'and back');
  await Promise.all([alice.leaves(), bob.leaves()]);
});
