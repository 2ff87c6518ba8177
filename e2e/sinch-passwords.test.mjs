// Users of the unmodified sinch-rtc in Node who sign up and sign in with a password, and
// what is refused: each settles with the documented error.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openDoor } from './support/sinch/door.mjs';

// All that may be in no log and in no file. The door's own secret is looked for anyway.
const secrets = [];
let door;

before(async () => {
  door = await openDoor(['--log-level', 'trace']);
});

after(() => door?.stop(secrets));

const unique = (who) => `${who}-${randomUUID().slice(0, 8)}`;

function password() {
  const made = `hunter ${randomUUID()}`;
  secrets.push(made);
  return made;
}

const identities = (who) => [{ type: 'username', endpoint: who }];

/// The SDK's error of a start, or of a sign-up, that was refused with this number.
function told(error, number) {
  const { response, message } = error;
  assert.equal(response.errorCode, number, JSON.stringify(error));
  assert.ok(response.message.length > 10, message);
}

/// A new user with a password, and what the SDK hands on to start.
async function signedUp(client, who, word) {
  const user = await client.does('newUser', { username: who, password: word });
  assert.deepEqual(user.user.identities, identities(who));
  assert.equal(user.expiresIn, 86_400);
  secrets.push(user.authorization);
  return user;
}

/// Switches the setting, while `during` goes on.
async function without(during) {
  const path = `/v1/applications/${door.application.id}/settings`;
  await door.backend(200, 'PATCH', path, { managed_users: false });
  try {
    await during();
  } finally {
    await door.backend(200, 'PATCH', path, { managed_users: null });
    await door.backend(200, 'PATCH', path, { managed_users: true });
  }
}

test('a new user starts with what signing up answers, and elsewhere with the password', async () => {
  const who = unique('bob');
  const word = password();
  const phone = await door.client();
  const session = await phone.start(await signedUp(phone, who, word));
  assert.equal(session.userId, who);
  const profile = await phone.does('call', 'getUserProfile');
  assert.deepEqual(profile.user.identities, identities(who));
  await phone.leaves();

  const laptop = await door.client();
  const other = await laptop.start({ username: who, password: word });
  assert.equal(other.userId, who);
  assert.notEqual(other.sessionId, session.sessionId);
  await laptop.anew();
  assert.deepEqual(await laptop.start(session), session, 'what was saved is good');
  await laptop.leaves();
  secrets.push(session.sessionSecret, other.sessionSecret);
  assert.equal((await door.sessions(who)).length, 2);
  const stored = await readFile(join(door.folder, 'countersign.db'));
  const log = await readFile(join(door.folder, 'countersign.db-wal'));
  for (const file of [stored, log]) assert.ok(!file.includes(word), 'it is kept as a hash');
});

test('a wrong password, a name that nobody has and a user without one are one answer', async () => {
  const who = unique('bob');
  const client = await door.client();
  await signedUp(client, who, password());
  const ticketed = unique('alice');
  await client.start({ userTicket: door.ticket(ticketed) });
  const answers = [];
  for (const username of [who, unique('nobody'), ticketed]) {
    await client.anew();
    const error = await client.refused({ username, password: password() });
    assert.equal(error.domain, 3);
    assert.equal(error.code, 4000);
    told(error, 40100);
    answers.push(error.message);
  }
  assert.equal(new Set(answers).size, 1, answers.join('\n'));
  for (const kind of ['email', 'number']) {
    await client.anew();
    told(await client.refused({ [kind]: who, password: password() }), 40100);
  }
  await client.leaves();
});

test('a name that somebody has is refused, with a password or without', async () => {
  const client = await door.client();
  const who = unique('bob');
  const word = password();
  await signedUp(client, who, word);
  const ticketed = unique('alice');
  const session = await client.start({ userTicket: door.ticket(ticketed) });
  for (const username of [who, ticketed]) {
    await client.anew();
    told(await client.fails('newUser', { username, password: password() }), 40003);
  }
  await client.anew();
  assert.deepEqual(await client.start(session), session);
  await client.anew();
  await client.start({ username: who, password: word });
  await client.leaves();
});

test('a password is changed, and the other devices sign in anew', async () => {
  const who = unique('bob');
  const [word, next] = [password(), password()];
  const phone = await door.client();
  await phone.start(await signedUp(phone, who, word));
  const laptop = await door.client();
  const before = await laptop.start({ username: who, password: word });
  const wrong = await phone.fails('call', 'changePassword', { currentPassword: next, newPassword: word });
  told(wrong, 40100);
  await phone.does('call', 'changePassword', { currentPassword: word, newPassword: next });
  await phone.does('call', 'getUserProfile');
  told(await laptop.fails('call', 'getUserProfile'), 40400);
  await laptop.anew();
  told(await laptop.refused({ username: who, password: word }), 40100);
  await laptop.anew();
  const after = await laptop.start({ username: who, password: next });
  assert.notEqual(after.sessionId, before.sessionId);
  for (const each of [phone, laptop]) await each.leaves();
  assert.equal((await door.sessions(who)).length, 2);
});

test('a ticket of the application takes the password away', async () => {
  const who = unique('bob');
  const word = password();
  const client = await door.client();
  const before = await client.start(await signedUp(client, who, word));
  await client.anew();
  const after = await client.start({ userTicket: door.ticket(who) });
  assert.notEqual(after.sessionId, before.sessionId);
  await client.anew();
  told(await client.refused({ username: who, password: word }), 40100);
  await client.leaves();
  assert.equal((await door.sessions(who)).length, 1);
});

test('nothing typed is refused by the SDK itself', async () => {
  const client = await door.client();
  for (const credentials of [{}, { username: '', password: '' }]) {
    const { domain, code } = await client.refused(credentials);
    assert.deepEqual({ domain, code }, { domain: 5, code: 6003 }, JSON.stringify(credentials));
    await client.anew();
  }
  // A name alone it sends, and so the server says it.
  told(await client.refused({ username: unique('bob') }), 40001);
  await client.leaves();
});

test('where the application does not want it, all of it is refused, and what was open ends', async () => {
  const who = unique('bob');
  const word = password();
  const phone = await door.client();
  const session = await phone.start(await signedUp(phone, who, word));
  const laptop = await door.client();
  const ticketed = await laptop.start({ userTicket: door.ticket(unique('alice')) });
  await without(async () => {
    told(await phone.fails('call', 'getUserProfile'), 40400);
    const change = { currentPassword: word, newPassword: password() };
    told(await laptop.fails('call', 'changePassword', change), 40300);
    await laptop.anew();
    assert.deepEqual(await laptop.start(ticketed), ticketed, 'who came by a ticket goes on');
    await laptop.anew();
    told(await laptop.refused({ username: who, password: word }), 40300);
    await laptop.anew();
    told(await laptop.fails('newUser', { username: unique('carol'), password: word }), 40300);
    // It asks for a new one, and has nothing to show.
    await phone.anew();
    told(await phone.refused(session), 40100);
  });
  await phone.anew();
  const again = await phone.start({ username: who, password: word });
  assert.notEqual(again.sessionId, session.sessionId);
  for (const each of [phone, laptop]) await each.leaves();
});

test('who guesses is told to wait', async () => {
  const who = unique('bob');
  const word = password();
  const client = await door.client();
  await signedUp(client, who, word);
  const url = `${door.url}/v1/users/username/${who}/authentication`;
  const guess = (guessed) =>
    fetch(url, {
      method: 'POST',
      headers: { authorization: `application ${door.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ password: guessed }),
    });
  const statuses = [];
  for (let tries = 0; tries < 11; tries += 1) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => guess('a guess')));
    statuses.push(...answers.map(({ status }) => status));
  }
  // From this machine: what an account has, and what came back meanwhile.
  const compared = statuses.filter((status) => status === 401).length;
  assert.ok(compared >= 102 && compared < 110, `${statuses}`);
  const right = await guess(word);
  assert.equal(right.status, 429);
  assert.ok(Number(right.headers.get('retry-after')) >= 1);
  told(await client.refused({ username: who, password: word }), 42900);
  await client.leaves();
});
