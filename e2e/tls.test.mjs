// `countersign serve` with a certificate of its own: who is shown it, what it protects, and how it
// is renewed while the server runs.
import assert from 'node:assert/strict';
import { copyFile, readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import WebSocket from 'ws';
import { call, countersign, serve } from './support/countersign.mjs';
import { inFolder } from './support/folder.mjs';
import { certificate, trusting } from './support/tls.mjs';

const FREE = '127.0.0.1:0';

/// A server with a certificate: what `serve` gives, with the folder's operator key and certificate.
async function encrypted(folder, more = [], kind) {
  const shown = await certificate(folder, 'first', kind);
  const data = join(folder, 'data');
  const server = await serve([
    ...['--data-dir', data, '--tls-certificate-file', shown.file, '--tls-key-file', shown.key],
    ...(more.includes('--listen') ? more : ['--listen', FREE, ...more]),
  ]);
  const bearer = (await readFile(join(data, 'operator.key'), 'utf8')).trim();
  return { ...server, shown, bearer, ask: trusting(await readFile(shown.file)) };
}

const json = (bearer, body) => ({
  method: 'POST',
  headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/// A login over TLS: an access token.
async function login({ ready, ask, bearer }) {
  const post = async (path, body, by = bearer) => {
    const answer = await ask(`${ready.url}${path}`, json(by, body));
    const content = await answer.json();
    assert.equal(answer.status, 201, JSON.stringify(content));
    return content;
  };
  const { id } = await post('/v1/applications', { name: 'Shop' });
  const { secret } = await post(`/v1/applications/${id}/keys`, { algorithm: 'HS256' });
  const { key } = await post(`/v1/applications/${id}/api-keys`, { name: 'page', roles: ['tracking'] });
  const minted = await countersign([
    'token', 'mint', '--dialect', 'native', '--application-id', id, '--secret', secret, '--subject', '42',
  ]);
  return (await post('/v1/sessions', { credential: minted.stdout.trim() }, key)).access_token;
}

for (const kind of ['ec', 'rsa']) {
  test(`every door shows the certificate, but for those that are said to be plain (${kind})`, () =>
    inFolder(async (folder) => {
      const doors = ['nexmo', 'kustomer', 'sinch', 'sinch-messaging'].flatMap((door) => [`--doors-${door}`, FREE]);
      const server = await encrypted(folder, [...doors, '--tls-plain-doors', 'kustomer'], kind);
      const { ready, ask, stop } = server;
      const schemes = Object.entries({ native: ready.url, ...ready.doors }).map(([door, url]) => [door, new URL(url).protocol]);
      const plain = ['native', 'kustomer', 'nexmo', 'sinch', 'sinch_messaging'].map((door) => [door, door === 'kustomer' ? 'http:' : 'https:']);
      assert.deepEqual(schemes, plain);
      assert.equal((await ask(`${ready.url}/healthz`)).status, 200);
      assert.equal((await ask(`${ready.doors.nexmo}/v0.3/users`)).status, 401);
      assert.equal((await ask(`${ready.doors.sinch_messaging}/time/0`)).status, 200);
      assert.ok((await fetch(`${ready.doors.kustomer}/v1/auth/customer/settings`)).status >= 400);
      // Who speaks no TLS where it is spoken is hung up on, and so is who does not trust it.
      await assert.rejects(fetch(`http://${new URL(ready.url).host}/healthz`));
      await assert.rejects(trusting()(`${ready.url}/healthz`), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
      await login(server);
      const { code, stderr } = await stop();
      assert.equal(code, 0, stderr);
      assert.match(stderr, /this certificate is shown path=\S+first-certificate.pem until=20/);
    }));
}

test('a renewed certificate is shown after a hangup, and a wrong one is not', () =>
  inFolder(async (folder) => {
    const { ready, child, shown, seen, stop } = await encrypted(folder);
    const renewed = await certificate(folder, 'second');
    const [first, second] = await Promise.all([readFile(shown.file), readFile(renewed.file)]);
    const trusts = (ca) => trusting(ca)(`${ready.url}/healthz`).then(({ status }) => status === 200, () => false);
    await copyFile(renewed.file, shown.file);
    child.kill('SIGHUP');
    await seen('a certificate was not renewed');
    assert.deepEqual([await trusts(first), await trusts(second)], [true, false]);
    await copyFile(renewed.key, shown.key);
    child.kill('SIGHUP');
    await seen('this certificate was read again');
    assert.deepEqual([await trusts(first), await trusts(second)], [false, true]);
    const { code, stderr } = await stop();
    assert.equal(code, 0, stderr);
    const [error] = stderr.split('\n').filter((line) => line.includes(' ERROR '));
    assert.match(error, /the one before is still shown reason="tls.certificate_file \(--tls-certificate-file\) is .*cannot be used together/);
    assert.equal(stderr.match(/ERROR/g).length, 1, stderr);
  }));

test('a hangup without a certificate is harmless', () =>
  inFolder(async (folder) => {
    const { ready, child, seen, stop } = await serve(['--data-dir', folder, '--listen', FREE]);
    child.kill('SIGHUP');
    await seen('there is no certificate to read again');
    assert.equal((await call(ready.url, 'GET', '/healthz')).status, 200);
    assert.equal((await stop()).code, 0);
  }));

test('a socket over TLS is told when to come back once the server stops', () =>
  inFolder(async (folder) => {
    const server = await encrypted(folder);
    const token = await login(server);
    const socket = new WebSocket(`${server.ready.url.replace('https', 'wss')}/v1/connect`, 'countersign.v1', {
      ca: await readFile(server.shown.file),
    });
    const closed = new Promise((resolve, reject) => {
      socket.on('close', (code, reason) => resolve({ code, reason: JSON.parse(reason) }));
      socket.on('error', reject);
    });
    socket.on('open', () => socket.send(JSON.stringify({ type: 'authenticate', token })));
    await new Promise((resolve) => socket.on('message', resolve));
    const [ended, { code, reason }] = await Promise.all([server.stop(), closed]);
    assert.equal(code, 4503);
    assert.ok(reason.reconnect_after >= 1, JSON.stringify(reason));
    assert.equal(ended.code, 0, ended.stderr);
    assert.doesNotMatch(ended.stderr, /cut off at the end/);
  }));

/// An address of this machine at which it is not its own loopback.
const outside = Object.values(networkInterfaces())
  .flat()
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

test('an operator key comes from elsewhere over TLS alone', { skip: !outside && 'this machine has one address' }, () =>
  inFolder(async (folder) => {
    const { ready, shown, bearer, stop } = await encrypted(folder, [
      ...['--listen', '0.0.0.0:0', '--doors-nexmo', FREE, '--tls-plain-doors', 'nexmo'],
    ]);
    const headers = { authorization: `Bearer ${bearer}` };
    const url = `https://${outside}:${new URL(ready.url).port}/v1/applications`;
    // The certificate is for this machine's other names.
    const ask = trusting(await readFile(shown.file), 'localhost');
    assert.equal((await ask(url, { headers })).status, 200);
    await stop();
    const plain = await serve(['--data-dir', join(folder, 'data'), '--listen', '0.0.0.0:0']);
    const refused = await fetch(`http://${outside}:${new URL(plain.ready.url).port}/v1/applications`, { headers });
    assert.deepEqual([refused.status, (await refused.json()).code], [403, 'tls_required']);
    const { stderr } = await plain.stop();
    assert.match(stderr, /WARN .*other machines reach this address in clear text/);
  }));
