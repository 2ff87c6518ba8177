// Files, rates and metrics, over real sockets and as a browser's fetch sends them.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { call, dev } from './support/countersign.mjs';

const MEBIBYTE = 1024 * 1024;

let folder;
let server;
let app;
let url;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  server = await dev(folder);
  ({ url, application: app } = server.ready);
});

after(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function visitor() {
  const { body } = await call(url, 'POST', '/v1/sessions/anonymous', { bearer: app.publishable_key, body: {} });
  const bearer = body.access_token;
  const made = await call(url, 'POST', '/v1/conversations', { bearer, body: {} });
  return { bearer, conversation: made.body.id };
}

const authorized = (bearer) => ({ authorization: `Bearer ${bearer}` });

async function upload({ bearer, conversation }, file, headers = authorized(bearer)) {
  const path = `/v1/conversations/${conversation}/attachments?name=photo.png`;
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: file });
  return { status: response.status, body: await response.json() };
}

const picture = (size) => {
  const bytes = new Uint8Array(size);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return new Blob([bytes], { type: 'image/png' });
};

test('a picture of 5 MiB comes back byte for byte', async () => {
  const one = await visitor();
  const sent = picture(5 * MEBIBYTE);
  const { status, body } = await upload(one, sent);
  assert.equal(status, 201, JSON.stringify(body));
  const response = await fetch(`${url}${body.url}`, { headers: authorized(one.bearer) });
  assert.equal(response.headers.get('content-type'), 'image/png');
  assert.match(response.headers.get('content-disposition'), /^attachment;/);
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), Buffer.from(await sent.arrayBuffer()));
  const stranger = await visitor();
  assert.equal((await call(url, 'GET', body.url, { bearer: stranger.bearer })).status, 404);
});

test('a refusal of a large file arrives, whatever is wrong', async () => {
  const one = await visitor();
  const tooLarge = await upload(one, picture(7 * MEBIBYTE));
  assert.deepEqual([tooLarge.status, tooLarge.body.code], [413, 'too_large']);
  const nobody = await upload(one, picture(5 * MEBIBYTE), {});
  assert.deepEqual([nobody.status, nobody.body.code], [401, 'no_credential']);
  const elsewhere = await upload({ ...one, conversation: 'CON-none' }, picture(5 * MEBIBYTE));
  assert.deepEqual([elsewhere.status, elsewhere.body.code], [404, 'not_found']);
});

test('an answer says what is left, and a developer is not kept waiting', async () => {
  const { bearer } = await visitor();
  const answers = await Promise.all(
    Array.from({ length: 300 }, () => call(url, 'GET', '/v1/conversations', { bearer })),
  );
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  for (const { headers } of answers) {
    for (const name of ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset']) {
      assert.match(headers.get(name), /^\d+$/, name);
    }
  }
});

test('the metrics tell of the store, and of nobody', async () => {
  const one = await visitor();
  const response = await fetch(`${url}/metrics`, { headers: authorized(server.ready.operator_key) });
  assert.equal(response.status, 200);
  const page = await response.text();
  const commits = page.match(/^countersign_store_commits_total (\d+)$/m);
  assert.ok(Number(commits[1]) > 0, page);
  assert.match(page, /^countersign_logins_total\{dialect="anonymous",outcome="opened"\} \d+$/m);
  for (const secret of [one.conversation, one.bearer, app.id, server.ready.operator_key]) {
    assert.ok(!page.includes(secret), page);
  }
  const refused = await call(url, 'GET', '/metrics', { bearer: app.api_key });
  assert.deepEqual([refused.status, refused.body.code], [403, 'not_permitted']);
});
