// `countersign bench`, at its smallest, against a server that runs. What the
// numbers are is no matter here: that they are there, and that nothing was lost.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { call, countersign, dev } from './support/countersign.mjs';

const SMALL = [
  ...['--rounds', '1', '--steps', '5,20', '--logins', '20', '--pairs', '2', '--members', '50'],
  ...['--sockets', '30', '--seconds', '1', '--events', '1000', '--clients', '4'],
];

let folder;
let server;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  server = await dev(folder);
});

after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

const bench = (...more) => countersign(['bench', '--dev', join(folder, 'dev.json'), ...more]);

/// What `GET /v1/applications` tells of the application that the bench makes.
async function application() {
  const { url, operator_key: bearer } = server.ready;
  const { body } = await call(url, 'GET', '/v1/applications', { bearer });
  const found = body.applications.filter(({ slug }) => slug === 'bench');
  assert.equal(found.length, 1);
  return found[0].id;
}

test('a small run has a number for everything, and is one object', async () => {
  const { code, stdout, stderr } = await bench(...SMALL, '--json');
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trimEnd().split('\n').length, 1);
  const run = JSON.parse(stdout);
  assert.equal(run.rounds, 1);
  assert.equal(run.server_version, run.driver_version);
  assert.equal(run.events, 1001, 'a thousand, and the owner joining');
  assert.equal(run.servers.length, 1);
  assert.equal(run.servers[0].pid, server.child.pid, 'found by the address that it listens at');
  const names = run.results.map(({ workload, size }) => (size ? `${workload} ${size}` : workload));
  assert.deepEqual([...new Set(names)].sort(), [
    ...['W1', 'W1 20', 'W1 5', 'W2', 'W3 20', 'W3 5', 'W4', 'W5 50', 'W6 1001', 'W8 30', 'disk', 'nexmo 20', 'nexmo 5', 'sinch 4'],
  ]);
  const { results } = run;
  assert.ok(results.every(({ name }) => name !== 'idle Socket.IO connection'), 'others have left memory behind');
  for (const { name, unit, servers } of run.results) {
    const { median, least, most, rounds } = servers.countersign;
    assert.equal(rounds.length, 1, name);
    assert.ok(least === median && median === most, name);
    // A few logins cost less than the kernel's clock shows; a socket that is
    // closed before the answer took no time; and memory may shrink.
    const some = unit === '/s' || name.startsWith('send to') || name.startsWith('request to');
    assert.ok(unit === 'KiB' || (some ? median > 0 : median >= 0), `${name}: ${median}`);
  }
});

test('a second run finds what the first one made', async () => {
  const { url, operator_key: bearer } = server.ready;
  const count = async () => {
    const path = `/v1/users?application_id=${await application()}`;
    return (await call(url, 'GET', path, { bearer })).body.users.length;
  };
  const users = await count();
  const { code, stdout, stderr } = await bench(...SMALL, '--only', 'w6,w8');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /0 users were new/);
  assert.equal(await count(), users);
  assert.match(stdout, /page of 100 events, 1001 events/);
  assert.match(stdout, /request to the last close, 30 sockets/);
  assert.doesNotMatch(stdout, /login/);
});

test('the nexmo door has logins of its own, and memory where nothing else was measured', async () => {
  const small = ['--rounds', '1', '--steps', '20', '--logins', '20', '--only', 'nexmo'];
  const { code, stdout, stderr } = await bench(...small, '--json');
  assert.equal(code, 0, stderr);
  const { results } = JSON.parse(stdout);
  assert.ok(results.every(({ workload }) => workload === 'nexmo'));
  const of = (name) => results.filter((one) => one.name === name).map(({ size, unit, must }) => [size, unit, must]);
  assert.deepEqual(of('Socket.IO login of a known user'), [[20, 'ms CPU', null]]);
  assert.deepEqual(of('idle Socket.IO connection'), [[20, 'KiB', 20]]);

  // Where the address of a socket has the token in it, no failure tells the address.
  const file = join(folder, 'no-door.json');
  const doors = { ...server.ready.doors, nexmo: server.ready.doors.kustomer };
  await writeFile(file, JSON.stringify({ ...server.ready, doors }));
  const refused = await countersign(['bench', '--dev', file, ...small]);
  assert.equal(refused.code, 1, refused.stderr);
  assert.match(refused.stderr, /error: nexmo at countersign: ws:\/\/.*\/v2\/rtc\/ opened no WebSocket: .*404/);
  assert.doesNotMatch(refused.stderr, /eyJ|token=/);
});

test('a login that fails makes the run invalid, and names where', async () => {
  // Our own server is no floor: it opens no socket without the subprotocol.
  const tokens = join(folder, 'tokens.txt');
  await writeFile(tokens, 'a token\n'.repeat(20));
  const peer = `floor=${server.ready.url.replace('http', 'ws')}/v1/connect`;
  const beside = ['--beside', peer, '--tokens', tokens];
  const { code, stdout, stderr } = await bench(...SMALL, '--only', 'w4', ...beside);
  assert.equal(code, 1, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /error: W4 at floor: .* opened no WebSocket: .*400/);

  const eleven = ['--rounds', '1', '--logins', '1', '--only', 'w4', '--pairs', '11', '--seconds', '1'];
  const few = await bench(...eleven, ...beside);
  assert.equal(few.code, 2, few.stderr);
  assert.match(few.stderr, /--tokens has 20 tokens, and 22 are needed/);

  const twice = await bench(...SMALL, ...beside, '--beside', peer);
  assert.equal(twice.code, 2, twice.stderr);
  assert.match(twice.stderr, /--beside names floor twice/);
});

test('a wrong argument is one sentence', async () => {
  const wrong = [
    [['--steps', '5,5'], /each of --steps is more than the one before it/],
    [['--steps', '0'], /0 is not in 1\.\./],
    [['--members', '3001'], /3001 is not in 2\.\.=3000/],
    [['--only', 'w9'], /invalid value 'w9'/],
    [['--only', 'w4,w7'], /--only names w7 and others; w7 starts servers of its own, so measure it alone/],
    [['--beside', 'floor=ws://127.0.0.1:1/ws'], /--tokens/],
    [['--beside', 'other=ws://127.0.0.1:1/ws', '--tokens', 'none'], /a peer is floor=ws:/],
    [['--beside', 'floor=ws://127.0.0.1:1/ws', '--tokens', join(folder, 'none')], /cannot read .*none/],
  ];
  for (const [args, sentence] of wrong) {
    const { code, stdout, stderr } = await bench(...args);
    assert.equal(code, 2, `${args}: ${stderr}`);
    assert.equal(stdout, '');
    assert.match(stderr, sentence);
  }
});

test('starts are measured with servers of their own, which are gone afterwards', async () => {
  const { code, stdout, stderr } = await countersign(['bench', '--only', 'w7', '--rounds', '2', '--json']);
  assert.equal(code, 0, stderr);
  const { results } = JSON.parse(stdout);
  const of = Object.fromEntries(results.map(({ name, unit, must, servers }) => [name, [unit, must, servers.countersign.rounds]]));
  assert.deepEqual(Object.keys(of).sort(), ['idle server', 'start to first login', 'the program']);
  for (const [name, [unit, must, rounds]] of Object.entries(of)) {
    assert.deepEqual([unit, must], name === 'start to first login' ? ['ms', 100] : ['MiB', 20], name);
    assert.equal(rounds.length, name === 'the program' ? 1 : 2);
    assert.ok(rounds.every((value) => value > 0), name);
  }
});

test('a server that was never started has no dev.json', async () => {
  const { code, stdout, stderr } = await countersign(['bench', '--dev', join(folder, 'none.json')]);
  assert.equal(code, 2, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /cannot read .*none\.json.*\n.*start `countersign dev`/);
});

test('a process or a server that is not there is not reached', async () => {
  const wrongPid = await bench('--pid', '4194305', ...SMALL);
  assert.equal(wrongPid.code, 3, wrongPid.stderr);
  assert.match(wrongPid.stderr, /there is no process 4194305/);

  const ready = { ...server.ready, url: 'http://127.0.0.1:9' };
  const file = join(folder, 'elsewhere.json');
  await writeFile(file, JSON.stringify(ready));
  const elsewhere = await countersign(['bench', '--dev', file, ...SMALL]);
  assert.equal(elsewhere.code, 3, elsewhere.stderr);
  assert.match(elsewhere.stderr, /127\.0\.0\.1:9 was not reached/);
});
