// A user of nexmo-client in a process of its own: the SDK's handlers belong to the
// application that was made last in a process. Commands come as messages, and what the
// SDK emits goes out as messages.
import { createRequire } from 'node:module';
import { format } from 'node:util';
import { failure, subject } from './subject.mjs';

const [, , packageName] = process.argv;
const require = createRequire(import.meta.url);
// The only thing of a browser that the SDK needs.
globalThis.XMLHttpRequest = require('xhr2');

const send = (message) => process.send(message);
const complain = (complaint) => send({ complaint });
process.on('unhandledRejection', (reason) => complain(`unhandled rejection: ${format(shown(reason))}`));
process.on('uncaughtException', (error) => complain(`uncaught exception: ${format(error)}`));
for (const level of ['error', 'warn']) {
  console[level] = (...given) => {
    // The polyfill's own: older SDKs give every request a body.
    if (given[0] === 'Discarding entity body for GET requests') return;
    complain(`${level}: ${given.map(shown).join(' ')}`);
  };
}

/// Of an error its type and words; of what else there is, what a console shows.
function shown(one) {
  if (one instanceof Error || one?.type || one?.stack) return `${one.type ?? one.name} ${failure(one).message} ${one.stack}`;
  return format(one);
}

const does = subject(require(packageName), (observation) => send({ observation }));

process.on('message', async ({ ref, command, given }) => {
  try {
    const answer = await does(command, given);
    send({ ref, answer });
  } catch (error) {
    send({ ref, failed: failure(error) });
  }
});
// The test has gone.
process.on('disconnect', () => process.exit());
send({ ready: true });
