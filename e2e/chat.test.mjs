// `countersign chat`: two people, three devices, over the real server.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { call, countersign, dev } from './support/countersign.mjs';
import { person } from './support/person.mjs';

let folder;
let server;
let file;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  const data = join(folder, 'countersign', 'dev');
  server = await dev(data);
  file = join(data, 'dev.json');
});

after(async () => {
  const { stderr } = await server.stop();
  await rm(folder, { recursive: true });
  assert.doesNotMatch(stderr, /cs_(at|rt|sk)_|eyJ/, 'no token is in the log');
});

const chats = (...args) => person(folder, args);

test('two people chat, and a second device has it all', async () => {
  const alice = chats('--as', 'alice');
  await alice.sees('you are alice');
  await alice.sees('no conversations yet');
  alice.says('hello?');
  await alice.sees('no conversation is open');
  alice.says('/new A trip');
  await alice.sees('── A trip ──');
  alice.says('shall we?');
  await alice.sees('alice: shall we?');
  alice.says('/invite nobody');
  await alice.sees('not_found');

  const bob = chats('--as', 'bob', '--device', 'phone');
  await bob.sees('no conversations yet');
  alice.says('/invite bob');
  await bob.sees('/open 1: A trip is new');
  bob.says('/open 1');
  await bob.sees('you are invited');
  bob.says('too early');
  await bob.sees('not_permitted');
  bob.says('/join');
  await bob.sees('alice: shall we?');
  await alice.sees('— bob joined');
  bob.says('//of course');
  await bob.sees('bob: /of course');
  await alice.sees('bob: /of course');

  const laptop = chats('--as', 'alice', '--device', 'laptop', '--open', 'A trip');
  await laptop.sees('bob: /of course');
  laptop.says('from my laptop');
  await alice.sees('alice: from my laptop');
  await bob.sees('alice: from my laptop');

  // A device that is signed out ends, says so, and stays out.
  alice.says('/devices');
  const line = await alice.sees(/\d+ {2}laptop, last seen/);
  alice.says(`/sign-out ${line.trim().split(' ')[0]}`);
  await alice.sees('laptop is signed out');
  const out = await laptop.gone();
  assert.equal(out.code, 1, out.all);
  assert.match(out.all, /error: signed out: the session was ended \(session_ended\)/);
  const again = chats('--device', 'laptop');
  await again.sees('you are a visitor');
  assert.equal((await again.leaves()).code, 0);

  bob.says('/leave');
  await bob.sees('you are not in A trip any more');
  await alice.sees('— bob left');
  alice.says('/quit');
  for (const each of [await alice.gone(), await bob.leaves()]) assert.equal(each.code, 0, each.all);
});

test('a script pipes words in, and what happened comes out as JSON', async () => {
  const begun = chats('--as', 'carol', '--json');
  begun.says('/new Orders');
  begun.says('one');
  begun.says('/list');
  const { code, all } = await begun.leaves();
  assert.equal(code, 0, all);
  const lines = all.trim().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(lines.at(0).user.external_id, 'carol');
  const opened = lines.find(({ type }) => type === 'opened');
  const told = lines.filter(({ type, event }) => type === 'event' && event.type === 'text');
  assert.deepEqual(told.map(({ event }) => [event.id, event.body.text]), [[2, 'one']]);
  assert.equal(told[0].conversation_id, opened.conversation_id);
  assert.equal(lines.find(({ type }) => type === 'conversations').conversations[0].display_name, 'Orders');

  // What ends with the input is sent before the program ends.
  const piped = chats('--as', 'carol', '--open', 'Orders');
  for (const word of ['two', 'three', 'four']) piped.says(word);
  assert.equal((await piped.leaves()).code, 0);
  const { url, application } = server.ready;
  const path = `/v1/conversations/${opened.conversation_id}/events`;
  const { body } = await call(url, 'GET', path, { bearer: application.api_key });
  const texts = body.events.filter(({ type }) => type === 'text').map((event) => event.body.text);
  assert.deepEqual(texts, ['one', 'two', 'three', 'four']);
});

test('the identity is kept for its owner alone, and belongs to one user', async () => {
  const dan = chats('--as', 'dan', '--device', 'tablet');
  await dan.sees('you are dan');
  assert.equal((await dan.leaves()).code, 0);
  const kept = chats('--device', 'tablet');
  await kept.sees('you are dan');
  assert.equal((await kept.leaves()).code, 0);
  const [place] = await readdir(join(folder, 'countersign', 'chat'));
  const profile = join(folder, 'countersign', 'chat', place, 'tablet.json');
  assert.equal((await stat(profile)).mode & 0o777, 0o600);

  const eve = await chats('--as', 'eve', '--device', 'tablet').gone();
  assert.equal(eve.code, 1);
  assert.match(eve.all, /already_identified[^]*--switch/);
  const switched = chats('--as', 'eve', '--device', 'tablet', '--switch');
  await switched.sees('you are eve');
  switched.says('/log-out');
  await switched.sees('logged out; what you wrote stays');
  assert.equal((await switched.gone()).code, 0);
  assert.equal(JSON.parse(await readFile(profile, 'utf8')).session, undefined);
});

test('a credential comes from a file, and a wrong one is explained', async () => {
  const { application, url } = server.ready;
  const mint = ['token', 'mint', '--dialect', 'kustomer', '--application-id', application.id];
  const minted = await countersign([...mint, '--secret', application.kustomer.secret, '--email', 'fay@example.com']);
  const credential = join(folder, 'credential');
  await writeFile(credential, minted.stdout);
  const place = ['--url', url, '--publishable-key', application.publishable_key, '--device', 'desk'];
  const fay = chats(...place, '--credential-file', credential);
  await fay.sees('you are fay@example.com');
  assert.equal((await fay.leaves()).code, 0);
  await writeFile(credential, 'nonsense');
  const wrong = await chats(...place, '--credential-file', credential).gone();
  assert.equal(wrong.code, 1);
  assert.match(wrong.all, /malformed_token/);
  const missing = await chats(...place, '--credential-file', join(folder, 'none')).gone();
  assert.equal(missing.code, 1);
  assert.match(missing.all, /no credential was given: cannot read/);
});

test('what is asked in a wrong way is one sentence', async () => {
  for (const [args, code, expected] of [
    [['--device', 'a/b'], 2, /--device has letters/],
    [['--dev', join(folder, 'none.json')], 2, /cannot read .*countersign dev/s],
    [['--dev', file, '--as', ''], 2, /--as names no user/],
    [['--dev', file, '--open', 'nowhere'], 0, /there is no conversation nowhere/],
    [['--url', 'nonsense', '--publishable-key', 'x'], 2, /the URL is none/],
    [['--url', server.ready.url, '--publishable-key', 'x', '--device', 'w'], 1, /unknown_key|malformed/],
    [['--url', 'http://127.0.0.1:1', '--publishable-key', 'x'], 3, /was not reached: Connection refused/],
  ]) {
    const result = await chats(...args).leaves();
    assert.equal(result.code, code, result.all);
    assert.match(result.all, expected);
  }
});
