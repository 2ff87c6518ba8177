// A server that goes away and comes back: one folder, one address, and clients who
// wait until it is there again.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { binary, call, serve } from './countersign.mjs';

/// How long anything may take before a test says that it does not come.
export const DEADLINE_MS = 30_000;

/// Below the ports that the system gives to clients: one of ours that comes back
/// too early must not take the address that the server comes back to.
const PORTS = { first: 20_000, count: 12_000 };

/// Failures in a row of a server that is there, after which a client gives up.
const FAILURES_MAX = 5;

/// What comes in time; else an error that says what did not.
export async function inTime(what, awaited, deadline = DEADLINE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it did not come in time: ${what}`)), deadline);
  });
  try {
    return await Promise.race([awaited, late]);
  } finally {
    clearTimeout(timer);
  }
}

/// A promise that somebody else keeps.
export function deferred() {
  const one = {};
  one.promise = new Promise((resolve, reject) => Object.assign(one, { resolve, reject }));
  return one;
}

/// A place for a server on this folder. `settings` are more arguments for
/// `serve` and more of its environment.
export async function place(folder, { args = [], environment = {} } = {}) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const logs = [];
  let server = null;
  let there = deferred();
  let starts = 0;

  const given = ['--data-dir', folder, '--listen', `127.0.0.1:${port}`, ...args];
  const start = async () => {
    server = await inTime('a server that is ready', serve(given, environment));
    starts += 1;
    there.resolve();
  };
  /// Sends a signal by process id, and waits for the end. Clients are told to
  /// wait before, so that none takes a dying server for a living one.
  const end = async (how) => {
    there = deferred();
    const { child, gone } = server;
    child.kill(how);
    const { code, stderr } = await inTime(`the end by ${how}`, gone());
    server = null;
    logs.push(stderr);
    return code;
  };
  /// Starts a server and kills it so much later, ready or not.
  const killStarting = async (milliseconds) => {
    const child = spawn(binary, ['serve', ...given], { stdio: 'ignore', env: { ...process.env, ...environment } });
    const closed = once(child, 'close');
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    child.kill('SIGKILL');
    const [code, by] = await inTime('the end of a server that starts', closed);
    if (by !== 'SIGKILL') throw new Error(`a server ended with ${code} while it started`);
  };

  /// A call that is made until the server answers it: to whoever makes it, the
  /// death of a server is a reason to ask again.
  const insist = async (method, path, options) => {
    let failures = 0;
    for (;;) {
      await there.promise;
      const asked = starts;
      try {
        return await call(url, method, path, options);
      } catch (error) {
        const stayed = asked === starts && (await isThere());
        failures = stayed ? failures + 1 : 0;
        if (failures > FAILURES_MAX) throw new Error(`${method} ${path} fails`, { cause: error });
      }
    }
  };
  const isThere = () => Promise.race([there.promise.then(() => true), Promise.resolve().then(() => false)]);

  return {
    url,
    logs,
    start,
    insist,
    there: () => there.promise,
    starts: () => starts,
    kill: () => end('SIGKILL'),
    killStarting,
    dispose: () => server && end('SIGKILL'),
    stop: () => end('SIGTERM'),
  };
}

async function freePort() {
  for (let tries = 0; tries < 100; tries += 1) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    const server = createServer().listen(port, '127.0.0.1');
    const [outcome] = await Promise.race([
      once(server, 'listening').then(() => ['free']),
      once(server, 'error').then(() => ['taken']),
    ]).catch(() => ['taken']);
    if (outcome === 'taken') continue;
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error('no free port was found');
}
