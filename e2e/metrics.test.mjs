// The metrics as Prometheus reads them, and the alerts that are made of them.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { parse } from 'yaml';
import { call, countersign, dev } from './support/countersign.mjs';
import { read } from './support/exposition.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
/// More lines than this would mean that somebody makes labels.
const LINES_MAX = 2_000;

let folder;
let server;
let url;
let app;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  server = await dev(folder);
  ({ url, application: app } = server.ready);
});

after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function page(bearer = server.ready.operator_key) {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${bearer}` } });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  return response.text();
}

/// The value of the one series with these labels.
function valueOf(families, name, labels = {}) {
  const all = [...families.values()].flatMap(({ series }) => series).filter((one) => one.name === name);
  const found = all.filter((one) => Object.entries(labels).every(([label, value]) => one.labels[label] === value));
  assert.equal(found.length, 1, `${name} ${JSON.stringify(labels)}`);
  return found[0].value;
}

async function visitor() {
  const { body } = await call(url, 'POST', '/v1/sessions/anonymous', { bearer: app.publishable_key, body: {} });
  return body.access_token;
}

/// A socket of whoever has this token: {frames, sends, closed}; `frames` gives one of a type.
async function socketOf(token) {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/connect`, 'countersign.v1');
  const seen = [];
  let look = () => {};
  socket.on('message', (data) => {
    seen.push(JSON.parse(data));
    look();
  });
  const upgraded = once(socket, 'upgrade');
  await once(socket, 'open');
  const [response] = await upgraded;
  const closed = once(socket, 'close').then(([code]) => code);
  const sends = (frame) => socket.send(JSON.stringify(frame));
  const frame = (type) =>
    new Promise((resolve) => {
      look = () => {
        const place = seen.findIndex((one) => one.type === type);
        if (place >= 0) resolve(seen.splice(place, 1)[0]);
      };
      look();
    });
  sends({ type: 'authenticate', token });
  await frame('welcome');
  return { id: response.headers['x-request-id'], frame, sends, closed };
}

test('a node that has had something to do tells of it, by the letter of the format', async () => {
  const [mine, other] = [await visitor(), await visitor()];
  const { body: conversation } = await call(url, 'POST', '/v1/conversations', { bearer: mine, body: {} });
  const socket = await socketOf(mine);
  const second = await socketOf(mine);
  socket.sends({ type: 'send', ref: 1, conversation_id: conversation.id, event: { type: 'text', body: { text: 'one' } } });
  await socket.frame('sent');
  await second.frame('event');
  socket.sends({ type: 'send', ref: 2, conversation_id: 'CON-none', event: { type: 'text', body: { text: 'one' } } });
  assert.equal((await socket.frame('error')).code, 'not_found');
  const before = read(await page());
  assert.equal(valueOf(before, 'countersign_connections', { door: 'native' }), 2);
  assert.equal((await call(url, 'DELETE', '/v1/sessions/current', { bearer: mine })).status, 204);
  assert.deepEqual([await socket.closed, await second.closed], [4410, 4410]);
  assert.equal((await call(url, 'GET', '/v1/conversations', { bearer: mine })).status, 401);
  assert.equal((await call(url, 'GET', '/v1/conversations', { bearer: other })).status, 200);

  const text = await page();
  const families = read(text);
  const check = (name, labels, expected) => assert.ok(expected(valueOf(families, name, labels)), `${name}\n${text}`);
  const some = (value) => value > 0;
  for (const [name, labels, expected] of [
    ['countersign_connections', { door: 'native' }, (value) => value === 0],
    ['countersign_connections_closed_total', { reason: 'session_ended' }, (value) => value === 2],
    ['countersign_revocation_close_seconds_count', {}, (value) => value === 2],
    ['countersign_deliveries_total', { source: 'memory' }, some],
    ['countersign_delivery_delay_seconds_count', {}, some],
    ['countersign_notices_total', { kind: 'events' }, some],
    ['countersign_refusals_total', { code: 'not_found' }, (value) => value === 1],
    ['countersign_refusals_total', { code: 'session_ended' }, some],
    ['countersign_request_duration_seconds_count', { door: 'native' }, (value) => value > 5],
    ['countersign_request_duration_seconds_count', { door: 'sinch' }, (value) => value === 0],
    ['countersign_store_commit_duration_seconds_count', {}, some],
    ['countersign_store_sync_duration_seconds_sum', {}, some],
    ['countersign_store_log_bytes', {}, some],
    ['countersign_store_database_bytes', {}, some],
    ['countersign_store_disk_free_bytes', {}, some],
    ['countersign_store_unseen_seconds', {}, (value) => value < 5],
    ['countersign_store_failures_total', {}, (value) => value === 0],
    ['countersign_tcp_connections', {}, some],
    ['countersign_tcp_connections_max', {}, (value) => value === 20_000],
    ['countersign_log_lines_total', { level: 'info' }, some],
    ['countersign_build_info', {}, (value) => value === 1],
    ['process_start_time_seconds', {}, (value) => Math.abs(value - Date.now() / 1000) < 600],
    ['process_resident_memory_bytes', {}, (value) => value > 1e6],
    ['process_open_fds', {}, (value) => value > 10],
    ['process_cpu_seconds_total', {}, some],
  ]) {
    check(name, labels, expected);
  }
  // What only grows has not shrunk.
  for (const [name, { type, series }] of before) {
    if (type === 'gauge') continue;
    for (const one of series) assert.ok(valueOf(families, one.name, one.labels) >= one.value, name);
  }
  assert.ok(text.split('\n').length < LINES_MAX, 'the lines are bounded');
  for (const secret of [app.id, conversation.id, mine, 'cs_', 'CON-', 'SES-', 'USR-', '127.0.0.1']) {
    assert.ok(!text.includes(secret), secret);
  }
});

test('who does not speak TLS is counted where it is spoken', async () => {
  const { hostname, port } = new URL(server.ready.doors.sinch_messaging);
  const client = connect(Number(port), hostname);
  client.on('error', () => {});
  client.resume();
  client.write('GET / HTTP/1.1\r\nhost: example.com\r\n\r\n');
  await once(client, 'close');
  assert.equal(valueOf(read(await page()), 'countersign_tls_handshake_failures_total'), 1);
});

test('what fails over a socket is a line of the log, with the id of its request', async () => {
  const socket = await socketOf(await visitor());
  assert.match(socket.id, /^[0-9a-f]{32}$/);
  socket.sends({ type: 'send', ref: 1, conversation_id: 'CON-none', event: { type: 'text', body: { text: 'one' } } });
  await socket.frame('error');
  await server.seen(`a call over a socket was refused request.id=${socket.id} door="native" code="not_found"`);
});

test("Prometheus' own reader finds the same", async () => {
  const text = await page();
  const script = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families as families
print(json.dumps({f.name: [f.type, len(f.samples)] for f in families(sys.stdin.read())}))`;
  const child = spawn(here('.venv/bin/python'), ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(text);
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  const [status] = await once(child, 'close');
  assert.equal(status, 0);
  const theirs = JSON.parse(said);
  for (const [name, { type, series }] of read(text)) {
    // It names a counter without its end.
    const known = theirs[type === 'counter' ? name.replace(/_total$/, '') : name];
    assert.deepEqual(known, [type, series.length], name);
  }
});

test('a key for Prometheus alone, as docs/operations.md makes it', async () => {
  const environment = { COUNTERSIGN_URL: url, COUNTERSIGN_KEY: server.ready.operator_key };
  const args = ['api-key', 'create', 'prometheus', '--role', 'operator', '--cidr', '127.0.0.1/32', '--json'];
  const docs = await readFile(here('../docs/operations.md'), 'utf8');
  assert.ok(docs.replace(/\s+/g, ' ').includes(`countersign ${args.slice(0, -1).join(' ')}`));
  const { code, stdout, stderr } = await countersign(args, '', environment);
  assert.equal(code, 0, stderr);
  read(await page(JSON.parse(stdout).key));
});

test('every alert asks for numbers that are there, and says what to do', async () => {
  const families = read(await page());
  const { groups } = parse(await readFile(here('../packaging/prometheus-alerts.yml'), 'utf8'));
  const docs = await readFile(here('../docs/operations.md'), 'utf8');
  const rows = [...docs.matchAll(/^\| (\*\*)?(Countersign\w+)(?:\*\*)? \|(.+)\|$/gm)];
  const documented = new Map(rows.map(([, bold, name, rest]) => [name, { page: Boolean(bold), cells: rest.split(' | ') }]));
  const rules = groups.flatMap((group) => group.rules);
  assert.deepEqual(rules.map((rule) => rule.alert).sort(), [...documented.keys()].sort());
  for (const { alert, expr, for: lasting, labels, annotations, ...others } of rules) {
    assert.deepEqual(others, {}, alert);
    assert.match(lasting ?? '0s', /^\d+[smh]$/, alert);
    assert.equal(labels.severity, documented.get(alert).page ? 'page' : 'ticket', alert);
    assert.ok(annotations.summary.length > 20, alert);
    assert.ok(documented.get(alert).cells.length >= 3, alert);
    for (const [name, written] of used(expr)) {
      const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
      assert.ok(family, `${alert} asks for ${name}`);
      for (const [, label, , value] of written.matchAll(/(\w+)(=~|!=|=)"([^"]*)"/g)) {
        if (label === 'job') continue;
        for (const word of value.split('|')) {
          assert.ok(family.series.some((one) => one.labels[label] === word), `${alert}: ${name} ${label}=${word}`);
        }
      }
    }
    assert.equal(expr.split('(').length, expr.split(')').length, alert);
  }
});

/// The metrics of an expression that are ours or the process's, with what they are told apart by.
const used = (expr) => {
  const found = [...expr.matchAll(/\b((?:countersign|process)_\w+)(\{[^}]*\})?/g)];
  return found.map(([, name, labels = '']) => [name, labels]);
};
