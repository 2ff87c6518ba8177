// A user of sinch-rtc in a process of its own: what it stores, and what it needs around
// it, belong to the process. Commands come as messages.
import { createRequire } from 'node:module';
import './surroundings.cjs';

const require = createRequire(import.meta.url);
// It writes what goes wrong to the console, too.
for (const level of ['log', 'info', 'warn', 'error']) console[level] = () => {};
const Client = require('sinch-rtc');

let client;

/// Its promises have `then` and `fail`.
const settled = (promise) => new Promise((resolve, reject) => promise.then(resolve).fail(reject));

const commands = {
  make: (options) => void (client = new Client(options)),
  start: async (how) => {
    await settled(client.start(how));
    return client.getSession();
  },
  newUser: (credentials) => settled(client.newUser(credentials)),
  /// One of the calls that its guide does not mention.
  call: (name, given) => settled(client[name](given)),
  terminate: () => void client.terminate(),
};

process.on('message', async ({ ref, command, given }) => {
  try {
    process.send({ ref, answer: await commands[command](...given) });
  } catch (error) {
    // What a start rejects with has a domain and a code; what a call does, its answer's body.
    const { domain, code, message, response, data } = error;
    process.send({ ref, failed: { domain, code, message: message ?? data?.message, response: data ?? response } });
  }
});
// The test has gone.
process.on('disconnect', () => process.exit());
process.send({ ready: true });
