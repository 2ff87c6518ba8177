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
