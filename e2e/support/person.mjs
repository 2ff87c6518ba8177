// A person at `countersign chat`, whose terminal is a pipe.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { binary } from './countersign.mjs';

/// How long a person waits for words.
const DEADLINE_MS = 20_000;

/// Somebody who chats: {says, sees, leaves, gone}. `sees` waits for words that come
/// after those that were seen before; `leaves` ends the input.
export function person(data, args) {
  const env = { ...process.env, XDG_DATA_HOME: data, TZ: 'UTC' };
  const child = spawn(binary, ['chat', ...args], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {});
  let all = '';
  let read = 0;
  let look = () => {};
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (chunk) => {
      all += chunk;
      look();
    });
  }
  const closed = once(child, 'close');
  const gone = async () => ({ code: (await closed)[0], all });
  const sees = (words) =>
    new Promise((resolve, reject) => {
      const missed = () => reject(new Error(`${args.join(' ')} did not see ${words} after ${all.slice(read)}\n--- all: ${all}`));
      const timer = setTimeout(missed, DEADLINE_MS);
      look = () => {
        const found = typeof words === 'string' ? all.indexOf(words, read) : all.slice(read).search(words) + read;
        if (found < read) return;
        clearTimeout(timer);
        look = () => {};
        read = all.indexOf('\n', found) + 1 || all.length;
        resolve(all.slice(found, read).trimEnd());
      };
      closed.then(() => look()).then(() => setImmediate(() => (clearTimeout(timer), missed())));
      look();
    });
  const says = (line) => child.stdin.write(`${line}\n`);
  const leaves = () => {
    child.stdin.end();
    return gone();
  };
  return { says, sees, leaves, gone, child };
}
