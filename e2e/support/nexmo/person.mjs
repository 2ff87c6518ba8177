// Somebody who uses nexmo-client, in a process or in a page, as a test sees them.
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import { deferred, inTime } from '../place.mjs';
import { DEADLINE_MS, witness } from './witness.mjs';

/// So that a lost transport is taken up at once, and also by chance at different times.
const RECONNECTION = { reconnectionDelay: 40, reconnectionDelayMax: 400, reconnectionAttempts: 40 };

// A process that a failed test left behind would keep its file from ending.
const running = new Set();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/// What an SDK may complain of while its transport is taken away.
export const WHILE_AWAY = [/WebSocket connection to/, /websocket error/, /reported a generic error/];

/// The SDK's options that point it to a door.
export const pointed = (url, more = {}) => ({
  url,
  nexmo_api_url: url,
  ips_url: `${url}/v1/image`,
  rtcstats: { remote_collection: false },
  debug: 'warn',
  ...more,
  socket_io: { ...RECONNECTION, ...more.socket_io },
});

/// A user of this package in a process of its own.
export async function inProcess(who, packageName = 'nexmo-client') {
  const child = fork(fileURLToPath(new URL('./user.mjs', import.meta.url)), [packageName], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const closed = once(child, 'exit');
  running.add(child);
  const ready = deferred();
  const open = new Map();
  const ears = witness(who);
  child.on('message', (message) => {
    if (message.ready) ready.resolve();
    else if (message.observation) ears.hears(message.observation);
    else if (message.complaint) ears.complains(message.complaint);
    else if (message.failed) open.get(message.ref)?.reject(message.failed);
    else open.get(message.ref)?.resolve(message.answer);
  });
  closed.then(([code]) => {
    running.delete(child);
    for (const each of [ready, ...open.values()]) each.reject({ message: `${who}'s process ended with ${code}` });
  });
  await inTime(`${packageName} is loaded`, ready.promise);

  let references = 0;
  const ask = (command, given) => {
    references += 1;
    const answer = deferred();
    open.set(references, answer);
    child.send({ ref: references, command, given });
    return answer.promise;
  };
  const gone = async () => {
    if (child.connected) child.disconnect();
    await inTime(`the end of ${who}'s process`, closed);
  };
  return person(who, ears, ask, gone);
}

/// What a process and a page have in common. `ask` answers what a command answers or
/// rejects with what `failure` says; `end` ends what runs the SDK.
export function person(who, ears, ask, end) {
  let ended;
  const gone = () => (ended ??= end());
  /// Does something with the SDK, in time: what it answers, or the SDK's own error.
  const does = async (command, ...given) => {
    const said = `${who}: ${command}(${given.map((one) => JSON.stringify(one)).join(', ').slice(0, 200)})`;
    try {
      return await inTime(said, ask(command, given), DEADLINE_MS);
    } catch (error) {
      if (error instanceof Error) {
        error.message += `\ncomplaints: ${ears.complaints.join('\n')}`;
        throw error;
      }
      throw Object.assign(new Error(`${said}: ${error.type ?? error.name} ${error.message}`), error, {
        message: `${said}: ${error.type ?? error.name} ${error.message}`,
      });
    }
  };
  /// The type of the SDK's error when it does something that must not succeed.
  const fails = async (command, ...given) => {
    let answer;
    try {
      answer = await does(command, ...given);
    } catch (error) {
      if (error.type === undefined) throw error;
      return error.type;
    }
    return assert.fail(`${who}: ${command} succeeded with ${JSON.stringify(answer)}`);
  };
  /// Ends, and holds what the SDK complained of to what it must and what else it may.
  const leaves = async (complaints = [], allowed = []) => {
    await gone();
    const known = [...complaints, ...allowed];
    const unexpected = ears.complaints.filter((one) => !known.some((each) => each.test(one)));
    assert.deepEqual(unexpected, [], `${who}'s SDK complains`);
    for (const expected of complaints) {
      assert.ok(ears.complaints.some((one) => expected.test(one)), `${who}'s SDK does not complain ${expected}`);
    }
  };
  return { who, does, fails, leaves, dispose: gone, sees: ears.sees, saw: ears.saw, told: ears.told, complaints: ears.complaints };
}
