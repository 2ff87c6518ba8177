// Schemathesis against a server: requests that it makes from the API's description, and answers
// that it holds to it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inTime } from '../place.mjs';

const PYTHON = fileURLToPath(new URL('../../.venv/bin/python', import.meta.url));
const HOOKS = fileURLToPath(new URL('./hooks.py', import.meta.url));

/// What every answer is held to, and every refusal of what the description does not allow.
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
  'unsupported_method',
  'allow_header_conformance',
  'use_after_free',
];

// A process that a failed test left behind would keep its file from ending.
const running = new Set();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/// Calls all of an API as somebody: what it found, and how many calls it made. `bearer` may be
/// none, and the caller lives by the ids in `keeps`.
export async function fuzzed(url, { bearer, keeps, seed, phases, examples, deadline, more = [] }) {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  const args = ['-m', 'schemathesis.cli', 'run', `${url}/openapi.json`, '--no-color', '--continue-on-failure'];
  args.push('--checks', CHECKS.join(','), '--phases', phases, '--max-examples', `${examples}`, '--seed', `${seed}`);
  args.push('--rate-limit', 'auto', '--warnings', 'off', '--suppress-health-check', 'all', ...more);
  if (bearer) args.push('--header', `Authorization: Bearer ${bearer}`);
  const child = spawn(PYTHON, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // It keeps what it has learned where it runs.
    cwd: folder,
    env: { ...process.env, SCHEMATHESIS_HOOKS: HOOKS, KEPT_IDS: JSON.stringify(keeps) },
  });
  running.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk) => (said += chunk));
  }
  const [code] = await inTime('the end of schemathesis', once(child, 'close'), deadline);
  running.delete(child);
  await rm(folder, { recursive: true });
  const calls = Number(/(\d+) generated/.exec(said)?.[1] ?? 0);
  return { code, calls, said };
}
