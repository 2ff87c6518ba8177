// Somebody who uses sinch-rtc, as a test sees them.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { deferred, inTime } from '../place.mjs';

// A process that a failed test left behind would keep its file from ending.
const running = new Set();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/// The SDK's options that point it to a door.
export function pointed(url, applicationKey, more = {}) {
  const base = `${url}/v1/`;
  const kinds = ['base', 'user', 'portal', 'reporting', 'reporting_v2', 'calling', 'messaging', 'verification'];
  const urlObj = Object.fromEntries(kinds.map((kind) => [kind, base]));
  return { applicationKey, capabilities: { messaging: true }, supportActiveConnection: true, urlObj, ...more };
}

/// A process with the SDK, in which clients are made one after the other. `does` answers
/// what a command answers; `fails` answers the SDK's own error.
export async function person() {
  const child = fork(fileURLToPath(new URL('./user.mjs', import.meta.url)), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const closed = once(child, 'exit');
  running.add(child);
  const ready = deferred();
  const open = new Map();
  child.on('message', ({ ref, ready: loaded, failed, answer }) => {
    if (loaded) ready.resolve();
    else if (failed) open.get(ref).reject(failed);
    else open.get(ref).resolve(answer);
  });
  closed.then(([code]) => {
    running.delete(child);
    for (const each of [ready, ...open.values()]) each.reject({ message: `the process ended with ${code}` });
  });
  await inTime('sinch-rtc is loaded', ready.promise);

  let references = 0;
  const ask = (command, ...given) => {
    references += 1;
    const answer = deferred();
    open.set(references, answer);
    child.send({ ref: references, command, given });
    return inTime(command, answer.promise);
  };
  const does = async (command, ...given) => {
    try {
      return await ask(command, ...given);
    } catch (error) {
      if (error instanceof Error) throw error;
      throw new Error(`${command} failed: ${JSON.stringify(error)}`);
    }
  };
  const fails = async (command, ...given) => {
    let answer;
    try {
      answer = await ask(command, ...given);
    } catch (error) {
      if (error instanceof Error) throw error;
      return error;
    }
    throw new Error(`${command} succeeded with ${JSON.stringify(answer)}`);
  };
  const leaves = async () => {
    if (child.connected) child.disconnect();
    await inTime('the end of the process', closed);
  };
  return { does, fails, leaves };
}
