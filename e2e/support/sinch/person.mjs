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

/// A process with the SDK, in which clients are made one after the other. It trusts this
/// certificate, too.
export async function person(certificate) {
  const env = { ...process.env, ...(certificate && { NODE_EXTRA_CA_CERTS: certificate }) };
  const child = fork(fileURLToPath(new URL('./user.mjs', import.meta.url)), { env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const closed = once(child, 'exit');
  running.add(child);
  const ready = deferred();
  const open = new Map();
  const ears = hearing();
  child.on('message', ({ ref, ready: loaded, observation, failed, answer }) => {
    if (loaded) ready.resolve();
    else if (observation) ears.hears(observation);
    else if (failed) open.get(ref).reject(failed);
    else open.get(ref).resolve(answer);
  });
  closed.then(([code]) => {
    running.delete(child);
    for (const each of [ready, ...open.values()]) each.reject({ message: `the process ended with ${code}` });
  });
  await inTime('sinch-rtc is loaded', ready.promise);

  let references = 0;
  const ask = (command, given) => {
    references += 1;
    const answer = deferred();
    open.set(references, answer);
    child.send({ ref: references, command, given });
    return answer.promise;
  };
  const leaves = async () => {
    if (child.connected) child.disconnect();
    await inTime('the end of the process', closed);
  };
  return { ...asking(ask), ...ears, leaves };
}

/// Somebody who does something with the SDK: `does` answers what a command answers,
/// `fails` the SDK's own error.
export function asking(ask) {
  const does = async (command, ...given) => {
    try {
      return await inTime(command, ask(command, given));
    } catch (error) {
      if (error instanceof Error) throw error;
      throw new Error(`${command} failed: ${JSON.stringify(error)}`);
    }
  };
  const fails = async (command, ...given) => {
    let answer;
    try {
      answer = await inTime(command, ask(command, given));
    } catch (error) {
      if (error instanceof Error) throw error;
      return error;
    }
    throw new Error(`${command} succeeded with ${JSON.stringify(answer)}`);
  };
  return { does, fails };
}

/// What somebody is told: `told` waits for what is of a kind and like this, or came and was
/// not taken yet, and takes it; `left` takes the rest.
export function hearing() {
  const heard = [];
  const listeners = new Set();
  const hears = (news) => {
    heard.push(news);
    for (const look of listeners) look();
  };
  const told = (kind, like = {}) => {
    const found = deferred();
    const fits = (news) => news.kind === kind && Object.entries(like).every(([key, value]) => news[key] === value);
    const look = () => {
      const place = heard.findIndex(fits);
      if (place < 0) return;
      listeners.delete(look);
      found.resolve(heard.splice(place, 1)[0]);
    };
    listeners.add(look);
    look();
    return inTime(`${kind} ${JSON.stringify(like)}`, found.promise).catch((error) => {
      throw new Error(`${error.message}; what came: ${JSON.stringify(heard)}`);
    });
  };
  const left = () => heard.splice(0);
  return { hears, told, left };
}
