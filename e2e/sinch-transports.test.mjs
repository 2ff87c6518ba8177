// Whom the unmodified sinch-rtc writes to: it asks for their transport before it sends anything.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openDoor } from './support/sinch/door.mjs';

let door;

before(async () => {
  door = await openDoor();
});

after(() => door?.stop());

const unique = (who) => `${who}-${randomUUID().slice(0, 8)}`;

/// Users who have logged in, each in a process of their own.
async function people(...names) {
  const started = names.map(async (name) => {
    const client = await door.client();
    await client.start({ userTicket: door.ticket(name) });
    return client;
  });
  return Promise.all(started);
}

const identities = ({ participants }) => participants.map(({ destination }) => destination.identity);

test('the same users have the same transport, whoever of them writes', async () => {
  const [alice, bob, carol] = ['alice', 'bob', 'zo\u{eb}'].map(unique);
  const [hers, his] = await people(alice, bob, carol);
  const asked = await hers.does('transport', [bob, carol]);
  // The SDK has put itself before them.
  assert.deepEqual(identities(asked), [alice, bob, carol]);
  const { rtcProfile } = await hers.does('call', 'getConfiguration');
  assert.equal(asked.participants[0].channel, rtcProfile.transportChannel);
  const again = await his.does('transport', [carol, alice, bob]);
  assert.equal(again.transportId, asked.transportId);
  assert.notEqual(again.key, asked.key);
  // As it looks for who sent a message that has come.
  const found = await his.does('transport', asked.transportId);
  assert.equal(found.key, again.key);
  assert.deepEqual(identities(found).toSorted(), [alice, bob, carol].toSorted());
  const channel = (of, name) => of.participants[identities(of).indexOf(name)].channel;
  for (const name of [alice, bob, carol]) assert.equal(channel(found, name), channel(asked, name));
  const { conversations } = await door.backend(200, 'GET', '/v1/conversations');
  assert.equal(conversations.filter(({ id }) => id === asked.transportId).length, 1);
});

test('who writes to themselves keeps notes', async () => {
  const who = unique('alice');
  const [client] = await people(who);
  assert.deepEqual(identities(await client.does('transport', [who])), [who]);
});

test('a recipient who does not exist is named, and nobody gets anything', async () => {
  const [alice, bob] = ['alice', 'bob'].map(unique);
  const [client] = await people(alice, bob);
  const { conversations: before } = await door.backend(200, 'GET', '/v1/conversations');
  const error = await client.fails('transport', [bob, 'nobody']);
  assert.equal(error.domain, 1);
  assert.equal(error.code, 2000);
  assert.equal(error.message, 'User does not exist');
  assert.deepEqual(error.response, ['nobody']);
  const { conversations } = await door.backend(200, 'GET', '/v1/conversations');
  assert.equal(conversations.length, before.length);
  assert.deepEqual(identities(await client.does('transport', [bob])), [alice, bob]);
});

test('the same is asked twice at once and answered twice', async () => {
  const [alice, bob] = ['alice', 'bob'].map(unique);
  const [client] = await people(alice, bob);
  const named = [{ identity: bob }];
  const asked = Array.from({ length: 10 }, () => client.does('call', 'getTransportByParticipants', named));
  const ids = new Set((await Promise.all(asked)).map(({ transportId }) => transportId));
  assert.equal(ids.size, 1);
});
