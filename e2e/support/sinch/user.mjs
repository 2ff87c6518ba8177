// A user of sinch-rtc in a process of its own: what it stores, and what it needs around
// it, belong to the process. Commands come as messages.
import { createRequire } from 'node:module';
import { failure, subject } from './subject.mjs';
import './surroundings.cjs';

const require = createRequire(import.meta.url);
// It writes what goes wrong to the console, too.
for (const level of ['log', 'info', 'warn', 'error']) console[level] = () => {};

const does = subject(require('sinch-rtc'), (observation) => process.send({ observation }));

process.on('message', async ({ ref, command, given }) => {
  try {
    process.send({ ref, answer: await does(command, given) });
  } catch (error) {
    process.send({ ref, failed: failure(error) });
  }
});
// The test has gone.
process.on('disconnect', () => process.exit());
process.send({ ready: true });
