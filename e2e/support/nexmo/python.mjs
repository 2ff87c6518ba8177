// A backend in Python, as a test sees it. Its SDK speaks to https alone, so a proxy stands in
// front of the door and takes the TLS off, as one does in production.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { deferred, inTime } from '../place.mjs';

const PYTHON = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url));
const BACKEND = fileURLToPath(new URL('./backend.py', import.meta.url));

// A process that a failed test left behind would keep its file from ending.
const running = new Set();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/// Starts a backend with the keys of this door's application, and with an API key
/// for the Application API.
export async function inPython(door, { apiKey, apiSecret }) {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  const proxy = await withoutTls(folder, door.url);
  const privateKeyFile = join(folder, 'private.key');
  await writeFile(privateKeyFile, door.privateKey, { mode: 0o600 });
  const child = spawn(PYTHON, [BACKEND, proxy.host, door.application.id, privateKeyFile, apiKey, apiSecret], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, REQUESTS_CA_BUNDLE: proxy.certificate },
  });
  running.add(child);
  const open = new Map();
  // `make setup` installs it: without that there is nothing to start.
  let ended;
  const closed = new Promise((resolve) => {
    child.once('error', resolve);
    child.once('close', (code) => resolve(new Error(`python ended with ${code}`)));
  }).then((why) => {
    running.delete(child);
    ended = why;
    for (const { reject } of open.values()) reject(why);
  });
  createInterface(child.stdout).on('line', (line) => {
    const { ref, answer, failed } = JSON.parse(line);
    if (failed) open.get(ref).reject(Object.assign(new Error(failed.message), failed));
    else open.get(ref).resolve(answer);
    open.delete(ref);
  });
  child.stdin.on('error', () => {});

  let references = 0;
  /// Does something with the SDK, in time: what it answers, or the SDK's own error.
  const does = async (command, ...given) => {
    if (ended) throw ended;
    references += 1;
    const answer = deferred();
    open.set(references, answer);
    child.stdin.write(`${JSON.stringify({ ref: references, command, given })}\n`);
    return inTime(`python: ${command}(${JSON.stringify(given)})`, answer.promise);
  };
  /// The class, the status and the code of the SDK's error when it does what must not succeed.
  const fails = async (command, ...given) => {
    try {
      await does(command, ...given);
    } catch (error) {
      if (error.type === undefined) throw error;
      return [error.type, error.status, error.code];
    }
    return assert.fail(`${command} succeeded`);
  };
  const stop = async () => {
    child.stdin.end();
    await inTime('the end of python', closed);
    await proxy.stop();
    await rm(folder, { recursive: true });
  };
  return { does, fails, stop };
}

/// A proxy on a free port that speaks TLS, with a certificate made for it, and passes
/// calls on to this address: {host, certificate, stop}.
export async function withoutTls(folder, url) {
  const [key, certificate] = [join(folder, 'tls.key'), join(folder, 'tls.crt')];
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, '-days', '1'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'],
  ]);
  const { hostname, port } = new URL(url);
  const server = createServer({ key: await readFile(key), cert: await readFile(certificate) }, (asked, answer) => {
    const { method, url: path, headers } = asked;
    const onward = request({ hostname, port, method, path, headers }, (answered) => {
      answer.writeHead(answered.statusCode, answered.headers);
      answered.pipe(answer);
    });
    onward.on('error', (error) => answer.destroy(error));
    asked.pipe(onward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const stop = async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  };
  return { host: `127.0.0.1:${server.address().port}`, certificate, stop };
}
