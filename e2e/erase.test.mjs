// All that is kept of a person can be had, and can be gone: canaries stand in every
// field and text of theirs, are all in the export, and after the erasure in no byte
// of the data folder, while the server runs and others write.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { tokenGenerate } from '@vonage/jwt';
import jsonwebtoken from 'jsonwebtoken';
import WebSocket from 'ws';
import { canaries, plant, search, word } from './support/canary.mjs';
import { call, countersign, dev } from './support/countersign.mjs';

/// Messages of the person in the conversation with a friend, and of the one whose
/// erasure is cut short.
const MESSAGES = 240;
const LONG_HISTORY = 700;
/// What an erasure may take, and how long a look waits for the next.
const DEADLINE_MS = 60_000;
const LOOK_MS = 50;
/// Senders at once.
const AT_ONCE = 8;

let folder;
let data;
let server;
let url;
let app;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  data = join(folder, 'data');
  await start();
});

after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function start() {
  server = await dev(data);
  ({ url } = server.ready);
  app = server.ready.application;
}

async function ask(expected, method, path, options) {
  const answer = await call(url, method, path, options);
  assert.equal(answer.status, expected, `${method} ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const asBackend = (expected, method, path, body) => ask(expected, method, path, { bearer: app.api_key, body });
const asUser = (session, expected, method, path, body) =>
  ask(expected, method, path, { bearer: session.access_token, body });

/// A command, by the application's own key.
async function runs(expected, args, { key = app.api_key, input = '' } = {}) {
  const environment = { COUNTERSIGN_KEY: key, COUNTERSIGN_URL: url };
  const { code, stdout, stderr } = await countersign(args, input, environment);
  assert.equal(code, expected, `${args.join(' ')}: ${stdout}${stderr}`);
  return { stdout, stderr };
}

/// The demo application's key for native credentials.
async function minter() {
  const algorithm = 'HS256';
  const bearer = server.ready.operator_key;
  const { secret, kid } = await ask(201, 'POST', `/v1/applications/${app.id}/keys`, { bearer, body: { algorithm } });
  return (subject, more = {}) =>
    jsonwebtoken.sign({ jti: randomUUID(), ...more }, secret, { algorithm, keyid: kid, subject, audience: app.id, expiresIn: 600 });
}

const logIn = (expected, body) => ask(expected, 'POST', '/v1/sessions', { bearer: app.publishable_key, body });

/// At the kustomer door, a user says something of themselves.
async function describes(externalId, custom) {
  const door = `${server.ready.doors.kustomer}/${app.slug}`;
  const externalToken = jsonwebtoken.sign({ externalId }, app.kustomer.secret, { algorithm: 'HS256' });
  const { status, body } = await call(door, 'POST', '/c/v1/identity', { body: { externalToken } });
  assert.equal(status, 200, JSON.stringify(body));
  const headers = { 'content-type': 'application/json', 'x-kustomer-tracking-token': body.data.attributes.trackingToken };
  const told = await fetch(`${door}/c/v1/customers/current`, { method: 'PATCH', headers, body: JSON.stringify({ custom }) });
  assert.equal(told.status, 200);
}

/// What was planted since, and where the data folder has it.
const plantedSince = (begin) => canaries.slice(begin);
async function standing(planted) {
  const files = [];
  for (const name of await readdir(data)) {
    const path = join(data, name);
    if ((await stat(path)).isFile()) files.push({ place: name, bytes: await readFile(path) });
  }
  const found = search(planted, files);
  return [...found].filter(([, places]) => places.length > 0).map(([name]) => name);
}

/// Everybody's messages, all of them, in order.
async function history(conversation) {
  const events = [];
  for (;;) {
    const from = events.at(-1)?.id ?? 0;
    const page = await asBackend(200, 'GET', `/v1/conversations/${conversation}/events?after=${from}`);
    if (page.events.length === 0) return events;
    events.push(...page.events);
  }
}

async function exported(user) {
  const { stdout } = await runs(0, ['user', 'export', user]);
  return stdout.trim().split('\n').map((line) => JSON.parse(line));
}

async function done(user) {
  const begun = Date.now();
  for (;;) {
    const erasure = await asBackend(200, 'GET', `/v1/users/${user}/erasure`);
    if (erasure.state === 'done') return erasure;
    assert.ok(Date.now() - begun < DEADLINE_MS, 'it takes too long');
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/// Sends what `text` gives for each number, some at a time.
async function says(session, conversation, count, text) {
  let next = 0;
  const send = async () => {
    while (next < count) {
      const number = next;
      next += 1;
      await asUser(session, 201, 'POST', `/v1/conversations/${conversation}/events`, text(number));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
}

const uploads = async (session, conversation, name, content) => {
  const path = `/v1/conversations/${conversation}/attachments?name=${name}`;
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${session.access_token}`, 'content-type': 'image/png' },
    body: Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), content]),
  });
  assert.equal(response.status, 201);
  return response.json();
};

test('a person is exported, erased, and nowhere any more', { timeout: 180_000 }, async (t) => {
  const mint = await minter();
  const friendsBegin = canaries.length;
  const friend = await logIn(201, { credential: mint('a friend') });
  const kept = word("a friend's message");

  const begin = canaries.length;
  const externalId = word('an external id');
  const names = { name: word('a name'), external_id: externalId, email: `${word('an e-mail address')}@example.com`, display_name: word('a display name') };
  const person = await asBackend(201, 'POST', '/v1/users', names);
  // What is there no more is in the audit log, and shut out under the former name.
  await asBackend(200, 'PATCH', `/v1/users/${person.id}`, { name: word('a second name'), display_name: word('a second display name') });
  const bearer = tokenGenerate(app.id, await readFile(app.nexmo.private_key_file, 'utf8'));
  const properties = { custom_data: { note: word('custom data') } };
  const patched = await call(server.ready.doors.nexmo, 'PATCH', `/v0.3/users/${person.id}`, { bearer, body: { image_url: `https://example.com/${word("a picture's address")}`, properties } });
  assert.equal(patched.status, 200, JSON.stringify(patched.body));

  const visitor = await ask(201, 'POST', '/v1/sessions/anonymous', { bearer: app.publishable_key, body: { device: { name: word("a visitor's device") } } });
  const alone = await asUser(visitor, 201, 'POST', '/v1/conversations', { name: word("a visitor's conversation"), display_name: word('its title'), client_id: word("a conversation's client id") });
  await asUser(visitor, 201, 'POST', `/v1/conversations/${alone.id}/events`, { type: 'text', body: { text: word("a visitor's message") } });
  const credential = mint(externalId, { jti: word("a credential's jti") });
  const session = await logIn(201, { credential, current_token: visitor.access_token, device: { name: word('a device') } });
  assert.equal(session.user.id, person.id);
  const second = await logIn(201, { credential: mint(externalId), device: { name: word('another device') } });
  await asUser(second, 200, 'PATCH', `/v1/devices/${second.session.device_id}`, { name: word("a device's new name") });

  await describes(externalId, { noteStr: word('what they say of themselves') });

  const { id: talk } = await asUser(friend, 201, 'POST', '/v1/conversations', { name: 'of both' });
  await asBackend(201, 'POST', `/v1/conversations/${talk}/members`, { user: { id: person.id }, state: 'joined' });
  const at = `/v1/conversations/${talk}/events`;
  await asUser(friend, 201, 'POST', at, { type: 'text', body: { text: kept } });
  // Of all lengths, and every tenth over several pages, so that pages are filled, split and joined.
  const filler = (number) => '.'.repeat(number % 10 === 0 ? 9_000 : (number * 37) % 700);
  await says(session, talk, MESSAGES, (number) =>
    ({ type: 'text', body: { text: `${word(`message ${number}`)} ${filler(number)}` }, client_id: word(`client id ${number}`) }));
  const theirs = (await history(talk)).filter(({ from, type }) => from.user_id === person.id && type === 'text');
  const touch = async (event, body) => asUser(session, 201, 'POST', at, { type: event, body });
  for (const { id } of theirs.slice(0, 40)) await touch('edit', { event_id: id, body: { text: `${word(`edit of ${id}`)} ${filler(id + 3)}` } });
  const gone = begin + canaries.slice(begin).findIndex(({ name }) => name === 'message 200');
  const deleted = theirs.find(({ body }) => body.text.startsWith(canaries[gone].bytes.toString()));
  await touch('delete', { event_id: deleted.id });
  await asBackend(201, 'POST', at, { type: 'edit', body: { event_id: theirs[50].id, body: { text: word('an edit by the backend') } } });
  await touch('custom:mood', { inner: word('a custom event') });
  const files = [];
  for (const size of [10, 5_000, 60_000]) {
    const content = Buffer.concat([randomBytes(size), Buffer.from(word(`bytes of a file of ${size}`)), randomBytes(64)]);
    plant(`the end of a file of ${size}`, content.subarray(-64));
    files.push(await uploads(session, talk, word(`the name of a file of ${size}`), content));
  }
  const planted = plantedSince(begin);
  const others = canaries.slice(friendsBegin, begin);

  await t.test('before, everything is there, and is exported', async () => {
    const text = (await exported(`external_id:${externalId}`)).map((record) => {
      const { content_base64: content, ...rest } = record;
      return `${JSON.stringify(rest)}\n${content ? Buffer.from(content, 'base64').toString('latin1') : ''}`;
    });
    const places = search(planted, [{ place: 'export', bytes: Buffer.from(text.join('\n'), 'latin1') }]);
    const missing = [...places].filter(([, where]) => where.length === 0).map(([name]) => name);
    const digested = ["a credential's jti", "a conversation's client id"];
    // What was said before it was edited or deleted is kept by nobody.
    // A visitor's device has no name before they log in, and the other one got a new one.
    const replaced = [/^message 200$/, /^a visitor's device$/, /^another device$/, /^an edit by the backend$/, ...digested.map((name) => new RegExp(`^${name}$`))];
    const edited = theirs.slice(0, 40).concat(theirs[50]).map(({ body }) => body.text.split(' ')[0]);
    const surprising = missing.filter((name) => {
      const { bytes } = planted.find((canary) => canary.name === name);
      return !replaced.some((pattern) => pattern.test(name)) && !edited.includes(bytes.toString());
    });
    assert.deepEqual(surprising, []);
    const stands = new Set(await standing(planted));
    assert.ok(stands.has('an external id') && stands.has('message 7') && stands.has('the end of a file of 60000'));
    assert.ok(!stands.has("a credential's jti"), 'a jti is kept as a digest alone');
  });

  await t.test('who has no right, nobody to ask, or nobody to erase is refused', async () => {
    const erase = ['user', 'erase', person.id];
    const { stderr } = await runs(2, erase);
    assert.match(stderr, /cannot be undone, and nobody is here to ask\n  pass --yes/);
    await runs(2, ['user', 'erase', '--yes', `colour:${externalId}`]);
    await runs(1, ['user', 'erase', '--yes', 'USR-0190d1c4-0000-7000-8000-000000000001']);
    await runs(1, ['user', 'erase', '--yes', 'name:nobody has it']);
    await runs(1, ['user', 'export', 'nonsense']);
    await runs(2, ['user', 'erase', '--yes']);
    const taken = join(folder, 'taken');
    await writeFile(taken, 'mine');
    const refused = await runs(2, ['user', 'export', person.id, '--to', taken]);
    assert.match(refused.stderr, /cannot make .*taken: File exists/);
    assert.equal(await readFile(taken, 'utf8'), 'mine');
    for (const session of [friend, second]) {
      for (const [method, path] of [['POST', 'erasure'], ['GET', 'erasure'], ['GET', 'export']]) {
        await asUser(session, 403, method, `/v1/users/${person.id}/${path}`);
      }
    }
    const other = await ask(201, 'POST', '/v1/applications', { bearer: server.ready.operator_key, body: { name: 'Other' } });
    const { key } = await ask(201, 'POST', `/v1/applications/${other.id}/api-keys`, { bearer: server.ready.operator_key, body: { name: 'key', roles: ['user'] } });
    for (const [method, path] of [['POST', 'erasure'], ['GET', 'erasure'], ['GET', 'export']]) {
      await ask(404, method, `/v1/users/${person.id}/${path}`, { bearer: key });
    }
    await asBackend(404, 'GET', `/v1/users/${person.id}/erasure`);
    assert.equal((await asBackend(200, 'GET', `/v1/users/${person.id}`)).id, person.id, 'nothing has happened');
  });

  await t.test('an export is a file that nobody else reads', async () => {
    const file = join(folder, 'export.jsonl');
    const { stdout } = await runs(0, ['user', 'export', `email:${names.email}`, '--to', file]);
    assert.match(stdout, /^\d+ records of USR-.* are in .*export\.jsonl\.\n$/);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const kinds = new Set((await readFile(file, 'utf8')).trim().split('\n').map((line) => JSON.parse(line).type));
    assert.deepEqual([...kinds].sort(), ['attachment', 'audit', 'event', 'membership', 'revocation', 'session', 'user'].filter((kind) => kinds.has(kind)));
    for (const kind of ['attachment', 'audit', 'event', 'membership', 'session', 'user']) assert.ok(kinds.has(kind), kind);
  });

  await t.test('afterwards nothing is, while others go on writing', async () => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/connect`, 'countersign.v1');
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'authenticate', token: second.access_token }));
    await once(socket, 'message');
    const closed = once(socket, 'close');

    let busy = true;
    let written = 0;
    const load = (async () => {
      while (busy) {
        await asUser(friend, 201, 'POST', at, { type: 'text', body: { text: `${kept} ${filler(written)}` } });
        written += 1;
      }
    })();
    const begun = Date.now();
    const { stdout, stderr } = await runs(0, ['user', 'erase', '--yes', person.id]);
    const took = Date.now() - begun;
    assert.ok(took < DEADLINE_MS, `it took ${took} ms`);
    const left = await standing(planted);
    busy = false;
    await load;
    assert.deepEqual(left, []);
    t.diagnostic(`${took} ms, while ${written} messages were sent`);
    assert.ok(written > 0);
    assert.match(stdout, /is erased: \d+ events were emptied, 3 attachments and 3 sessions are gone, and nothing is left in the server's files\.\n$/);
    assert.match(stderr, /backups that were made before have them still/);
    assert.equal((await closed)[0], 4410);
    assert.deepEqual(await standing(others), ["a friend's message"], 'what others wrote is there');
  });

  await t.test("others' history has no holes, and theirs alone", async () => {
    const events = await history(talk);
    assert.deepEqual(events.map(({ id }) => id), events.map((_, index) => index + 1));
    for (const event of events) {
      const mine = event.from.user_id === friend.user.id;
      if (event.type === 'text' && mine) assert.ok(event.body.text.startsWith(kept));
      if (event.type === 'text' && !mine) assert.deepEqual([event.body, typeof event.deleted_at], [{}, 'string']);
    }
    const told = events.filter(({ type }) => type === 'delete').map(({ body }) => body.event_id);
    assert.deepEqual(told.toSorted((one, other) => one - other), theirs.map(({ id }) => id).concat(theirs.at(-1).id + 43).toSorted((one, other) => one - other));
  });

  await t.test('nobody finds the person, and who comes back is somebody else', async () => {
    await runs(1, ['user', 'export', person.id]);
    await asBackend(404, 'GET', `/v1/users/${person.id}`);
    for (const { url: file } of files) assert.equal((await fetch(new URL(file, url), { headers: { authorization: `Bearer ${app.api_key}` } })).status, 404);
    const { stdout } = await runs(0, ['user', 'erase', '--yes', '--json', person.id]);
    const [again] = JSON.parse(stdout).erasures;
    assert.deepEqual([again.user_id, again.state, again.removed.attachments], [person.id, 'done', 3]);
    assert.equal((await logIn(401, { credential })).code, 'credential_revoked');
    await asUser(second, 401, 'GET', '/v1/sessions');
    const { audit } = await ask(200, 'GET', `/v1/applications/${app.id}/audit`, { bearer: server.ready.operator_key });
    const entry = audit.find(({ action }) => action === 'user.erased');
    assert.deepEqual([entry.target, entry.before, entry.after, entry.detail], [person.id, null, null, null]);
    assert.ok(audit.filter(({ user_id: about }) => about === person.id).every(({ salt, before, after }) => !salt && !before && !after));
    // What is issued in the second of the erasure is shut out, too.
    const iat = Math.floor(Date.now() / 1000) + 2;
    const back = await logIn(201, { credential: mint(externalId, { iat }) });
    assert.notEqual(back.user.id, person.id);
    const { conversations } = await asUser(back, 200, 'GET', '/v1/conversations');
    assert.deepEqual(conversations, []);
  });
});

test('an erasure that is cut short by kill -9 comes to its end', { timeout: 120_000 }, async () => {
  const mint = await minter();
  const session = await logIn(201, { credential: mint(`long-${randomUUID()}`) });
  const { id: talk } = await asUser(session, 201, 'POST', '/v1/conversations', {});
  const begin = canaries.length;
  const text = word('what somebody said again and again');
  await says(session, talk, LONG_HISTORY, (number) => ({ type: 'text', body: { text: `${number} ${text}` } }));
  const user = session.user.id;
  const begun = await asBackend(202, 'POST', `/v1/users/${user}/erasure`);
  server.child.kill('SIGKILL');
  await server.gone();
  assert.equal(begun.state, 'running');
  assert.deepEqual(await standing(plantedSince(begin)), ['what somebody said again and again']);
  await start();
  await done(user);
  assert.deepEqual(await standing(plantedSince(begin)), []);
  const events = await history(talk);
  assert.deepEqual(events.map(({ id }) => id), events.map((_, index) => index + 1));
  assert.equal(events.filter(({ type }) => type === 'delete').length, LONG_HISTORY);
});
