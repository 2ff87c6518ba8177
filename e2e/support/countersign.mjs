// The real binary, as a user would call it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const binary =
  process.env.COUNTERSIGN_BINARY ??
  fileURLToPath(new URL('../../target/debug/countersign', import.meta.url));

/// Runs a command to its end: {code, stdout, stderr}. The process is our own
/// child, and is gone when this returns.
export async function countersign(args, input = '') {
  const child = spawn(binary, args, { stdio: ['pipe', 'pipe', 'pipe'] });
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

/// Starts `countersign dev` on free ports in this folder: {ready, stop}. `stop`
/// ends the process that was started, and waits until it is gone.
export async function dev(folder) {
  const args = ['dev', '--json', '--port', '0', '--data-dir', folder];
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const log = text(child.stderr);
  const gone = once(child, 'close');
  const lines = text(child.stdout);
  const first = new Promise((resolve, reject) => {
    let seen = '';
    child.stdout.on('data', (chunk) => {
      seen += chunk;
      if (seen.includes('\n')) resolve(seen.slice(0, seen.indexOf('\n')));
    });
    gone.then(async ([code]) => reject(new Error(`dev ended with ${code}: ${await log}`)));
  });
  const ready = JSON.parse(await first);
  const stop = async () => {
    child.kill('SIGTERM');
    const [code] = await gone;
    return { code, stdout: await lines, stderr: await log };
  };
  return { ready, stop };
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
