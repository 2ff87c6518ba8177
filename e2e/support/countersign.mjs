// The real binary, as a user would call it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

export const binary =
  process.env.COUNTERSIGN_BINARY ??
  fileURLToPath(new URL('../../target/debug/countersign', import.meta.url));

/// Runs a command to its end: {code, stdout, stderr}. The process is our own
/// child, and is gone when this returns. `environment` adds to our own.
export async function countersign(args, input = '', environment = {}) {
  const env = { ...process.env, ...environment };
  const child = spawn(binary, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  // A command that needs no input may end before it was written.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, stdout: await stdout, stderr: await stderr };
}

async function text(stream) {
  let all = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) all += chunk;
  return all;
}

/// Starts `countersign dev` on free ports in this folder, with more arguments.
export const dev = (folder, more = []) =>
  start(['dev', '--json', '--port', '0', '--data-dir', folder, ...more]);

/// Starts `countersign serve` with these arguments.
export const serve = (args, env) => start(['serve', '--json', ...args], env);

// A server that a failed test left behind would keep its file from ending. This
// hook is the file's first one, so those that stop their servers get the time.
const running = new Set();
after(() => {
  setTimeout(() => {
    for (const child of running) child.kill('SIGKILL');
  }, 30_000).unref();
});

/// Starts a server: {ready, child, gone, seen, stop}. `stop` ends the process that
/// was started, and waits until it is gone; `seen` waits for words in its log.
async function start(args, env = {}) {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const log = text(child.stderr);
  const closed = once(child, 'close');
  running.add(child);
  closed.then(() => running.delete(child));
  const lines = text(child.stdout);
  const seen = watch(child.stderr, closed);
  const first = new Promise((resolve, reject) => {
    let seen = '';
    child.stdout.on('data', (chunk) => {
      seen += chunk;
      if (seen.includes('\n')) resolve(seen.slice(0, seen.indexOf('\n')));
    });
    closed.then(async ([code]) => reject(new Error(`${args[0]} ended with ${code}: ${await log}`)));
  });
  const ready = JSON.parse(await first);
  const gone = async () => {
    const [code] = await closed;
    return { code, stdout: await lines, stderr: await log };
  };
  const stop = () => {
    child.kill('SIGTERM');
    return gone();
  };
  return { ready, child, gone, seen, stop };
}

/// Waits for words in a stream, also in what came before.
function watch(stream, closed) {
  let all = '';
  const waiting = new Set();
  stream.on('data', (chunk) => {
    all += chunk;
    for (const look of waiting) look();
  });
  return (words) =>
    new Promise((resolve, reject) => {
      const look = () => {
        if (!all.includes(words)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      closed.then(() => reject(new Error(`ended without ${words}: ${all}`)));
      look();
    });
}

/// A call of the native API: {status, body}.
export async function call(url, method, path, { bearer, body, headers = {} } = {}) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(bearer && { authorization: `Bearer ${bearer}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const content = await response.text();
  return { status: response.status, headers: response.headers, body: content ? JSON.parse(content) : null };
}
