// The log as what collects it reads it: an object a line, as docs/operations.md shows one.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { call, serve } from './support/countersign.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

test('each line is an object, and a refusal has the id that its client was told', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  t.after(() => rm(folder, { recursive: true }));
  const server = await serve(['--listen', '127.0.0.1:0', '--data-dir', join(folder, 'data'), '--log-format', 'json']);
  const asked = '/v1/users?name=%22%0A%7B%22level%22:%22ERROR%22%7D';
  const { status, headers } = await call(server.ready.url, 'GET', asked);
  assert.equal(status, 401);
  const { stderr } = await server.stop();
  const lines = stderr.trimEnd().split('\n').map((line) => JSON.parse(line));
  for (const line of lines) {
    assert.match(line.timestamp, /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/);
    assert.match(line.level, /^(?:INFO|WARN)$/);
    for (const member of ['message', 'target']) assert.equal(typeof line[member], 'string');
  }
  const [refused, ...others] = lines.filter((line) => line.message === 'a request was refused');
  assert.deepEqual(others, []);
  assert.equal(refused['request.id'], headers.get('x-request-id'));
  assert.deepEqual([refused.status, refused.code, refused.route], [401, 'no_credential', '/v1/users']);
  const docs = await readFile(here('../docs/operations.md'), 'utf8');
  const [, shown] = /```json\n(.+)\n```/.exec(docs);
  assert.deepEqual(Object.keys(refused), Object.keys(JSON.parse(shown)));
});
