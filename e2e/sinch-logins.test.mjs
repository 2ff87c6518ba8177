// Logins of the unmodified sinch-rtc in Node: a ticket opens a session, what was saved opens
// it again, and what is refused settles with the documented error.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openDoor } from './support/sinch/door.mjs';

let door;
const secrets = [];

before(async () => {
  // All that it can tell: no secret may be in it.
  door = await openDoor(['--log-level', 'trace']);
});

after(() => door?.stop(secrets));

const unique = (who) => `${who}-${randomUUID().slice(0, 8)}`;
const ago = (seconds) => new Date(Date.now() - seconds * 1000);

/// What a saved session holds.
function saved(session, who) {
  assert.equal(session.userId, who);
  assert.match(session.sessionId, /^[A-Za-z0-9_-]{56}$/);
  assert.equal(Buffer.from(session.sessionSecret, 'base64').length, 32);
  secrets.push(session.sessionSecret);
  return session;
}

/// The SDK's error of a call that was refused with this number.
function told(error, number) {
  assert.equal(error.domain, 3, JSON.stringify(error));
  assert.equal(error.code, 4000);
  assert.equal(error.response.errorCode, number, JSON.stringify(error));
  assert.ok(error.message.startsWith(`${number} `), error.message);
  assert.ok(error.response.message.length > 10);
}

test('a ticket opens a session, and what was saved opens it again elsewhere', async () => {
  const who = unique('alice');
  const phone = await door.client();
  const session = saved(await phone.start({ userTicket: door.ticket(who) }), who);
  const profile = await phone.does('call', 'getUserProfile');
  assert.deepEqual(profile.user.identities, [{ type: 'username', endpoint: who }]);
  const { rtcConfiguration } = await phone.does('call', 'getConfiguration');
  assert.equal(rtcConfiguration.broadcastNetwork.host, door.application.sinch.messaging_host);
  await phone.leaves();

  const tab = await door.client();
  assert.deepEqual(saved(await tab.start(session), who), session);
  await tab.does('call', 'messageReporting', { version: '2.0', sent: 1, received: 0, failed: 0 });
  await tab.leaves();
  assert.equal((await door.sessions(who)).length, 1);
});

test('a second login in the same place keeps the session, and what was saved of it', async () => {
  const who = unique('alice');
  const client = await door.client();
  const first = saved(await client.start({ userTicket: door.ticket(who) }), who);
  await client.does('terminate');
  await client.anew();
  const second = saved(await client.start({ userTicket: door.ticket(who) }), who);
  assert.deepEqual(second, first);
  await client.anew();
  assert.deepEqual(await client.start(first), first);
  await client.leaves();
  assert.equal((await door.sessions(who)).length, 1);
});

test('an app that holds the secret makes its own tickets', async () => {
  const who = unique('alice');
  const client = await door.client({ applicationSecret: door.secret });
  saved(await client.start({ username: who }), who);
  await client.leaves();
});

test('a session that was ended elsewhere is refused at once, and a ticket opens another', async () => {
  const who = unique('alice');
  const client = await door.client();
  const session = saved(await client.start({ userTicket: door.ticket(who) }), who);
  const [{ id }] = await door.sessions(who);
  await door.backend(204, 'DELETE', `/v1/sessions/${id}`);
  const refused = await client.fails('call', 'getUserProfile');
  assert.equal(refused.response.errorCode, 40400);
  await client.anew();
  // It asks for a new one, and has nothing to show.
  told(await client.refused(session), 40100);
  await client.anew();
  const other = saved(await client.start({ userTicket: door.ticket(who) }), who);
  assert.notEqual(other.sessionId, session.sessionId);
  assert.notEqual(other.sessionSecret, session.sessionSecret);
  await client.leaves();
});

const refusals = {
  'expired long ago': [(who) => ({ userTicket: door.ticket(who, ago(86_500)) }), 40100],
  'ahead of its time': [(who) => ({ userTicket: door.ticket(who, ago(-600)) }), 40100],
  'by another secret': [(who) => ({ userTicket: door.ticket(who, new Date(), randomBytes(16).toString('base64')) }), 40102],
  'that is none': [() => ({ userTicket: `${btoa('{"identity":{"type":"username","endpoint":"a"}}')}:AAAA` }), 40100],
  'of an unknown session': [(who) => ({ userId: who, sessionId: 'dead', sessionSecret: randomBytes(16).toString('base64') }), 40100],
};

for (const [name, [how, number]] of Object.entries(refusals)) {
  test(`a start with what is ${name} is refused with ${number}`, async () => {
    const client = await door.client();
    told(await client.refused(how(unique('bob'))), number);
    await client.leaves();
  });
}

test('a saved session with another secret is refused', async () => {
  const who = unique('alice');
  const client = await door.client();
  const session = saved(await client.start({ userTicket: door.ticket(who) }), who);
  await client.anew();
  told(await client.refused({ ...session, sessionSecret: randomBytes(32).toString('base64') }), 40102);
  await client.anew();
  assert.deepEqual(await client.start(session), session);
  await client.leaves();
});

test('a saved session is good after a restart, and no copy of the database signs', async () => {
  const who = unique('alice');
  const first = await openDoor();
  const client = await first.client();
  const session = saved(await client.start({ userTicket: first.ticket(who) }), who);
  await client.leaves();
  await first.stop([session.sessionSecret], { leave: true });
  const stored = await readFile(join(first.folder, 'countersign.db'));
  for (const form of [session.sessionSecret, Buffer.from(session.sessionSecret, 'base64')]) {
    assert.ok(!stored.includes(form), 'the secret is not in the database');
  }
  const second = await openDoor([], first.folder);
  const back = await second.client();
  assert.deepEqual(await back.start(session), session);
  await back.leaves();
  await second.stop([session.sessionSecret]);
});

test('nothing to show is refused by the SDK itself', async () => {
  const client = await door.client();
  const { domain, code } = await client.refused({});
  assert.deepEqual({ domain, code }, { domain: 5, code: 6003 });
  await client.leaves();
});
