// A guide, as somebody follows it: its blocks in their order, in an empty folder.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { deferred, inTime } from './place.mjs';

/// A first line that says what the file is called, in any of our languages.
const FILE_NAME = /^(?:\/\/|#|<!--|<\?php \/\/) ([\w./-]+\.\w+)(?: -->)?$/;
/// How long a block may take: a tool may have to fetch what it stands on first.
const BLOCK_MS_MAX = 180_000;
/// What stands for all that may be different each time.
const ANYTHING = '…';

// A process that a failed test left behind would keep its file from ending.
const running = new Set();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/// The fenced blocks of a text: {line, language, code}.
export function blocks(text) {
  const found = [];
  let open = null;
  for (const [index, line] of text.split('\n').entries()) {
    if (open && line === '```') {
      found.push({ ...open, code: open.lines.join('\n') });
      open = null;
    } else if (open) {
      open.lines.push(line);
    } else if (line.startsWith('```')) {
      open = { line: index + 1, language: line.slice(3), lines: [] };
    }
  }
  assert.equal(open, null, 'a block has no end');
  return found.map(({ line, language, code }) => ({ line, language, code }));
}

/// Somebody in this folder, with this environment, to which what they set is added.
export function follower(folder, environment) {
  const state = join(folder, '.environment');
  const has = (more) => Object.assign(environment, more);
  let said = '';

  /// Writes a block to the file that it names.
  const write = async (code) => {
    const [, name] = FILE_NAME.exec(code.split('\n', 1)[0]) ?? assert.fail('the block says no name of a file');
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${code}\n`);
  };
  const bash = (script) => {
    const env = { ...process.env, ...environment };
    const child = spawn('bash', ['-c', script], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    const log = { out: '', all: '' };
    child.stdout.on('data', (chunk) => (log.out += chunk));
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (log.all += chunk));
    const closed = once(child, 'close').finally(() => running.delete(child));
    return { child, log, closed };
  };
  /// Runs a block to its end.
  const run = async (code) => {
    const before = `set -euo pipefail; [[ ! -e ${state} ]] || source ${state}; set -a`;
    const { log, closed } = bash(`${before}\n${code}\nexport -p > ${state}`);
    const [status] = await inTime(code, closed, BLOCK_MS_MAX);
    assert.equal(status, 0, log.all);
    said = log.out;
  };
  /// Starts what goes on until it is stopped, and waits until it says something like this:
  /// {said, stop}.
  const start = async (code, ready) => {
    const { child, log, closed } = bash(`exec ${code}`);
    const there = deferred();
    child.stdout.on('data', () => ready.test(log.all) && there.resolve());
    closed.then(() => there.reject(new Error(`it ended: ${log.all}`)));
    await inTime(code, there.promise);
    const stop = async () => {
      child.kill('SIGTERM');
      await closed;
    };
    return { said: ready.exec(log.all), stop };
  };
  /// Holds what was said last to what a block shows of it.
  const shown = (code) => {
    const literally = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const pattern = code.split(ANYTHING).map(literally).join('[^]*');
    assert.match(said.trimEnd(), new RegExp(`^${pattern}$`));
  };
  /// What they have set since, by name.
  const knows = async () => {
    const { log, closed } = bash(`source ${state}; env --null`);
    await inTime('the environment', closed);
    return Object.fromEntries(log.out.split('\0').filter(Boolean).map((line) => line.split(/=([^]*)/, 2)));
  };
  return { has, write, run, start, shown, knows, said: () => said };
}
