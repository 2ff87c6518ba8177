// The real process is killed under load, again and again: what it acknowledged is
// there when it comes back, once, in its place, and nobody who was sent away is in.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { load } from './support/load.mjs';
import { place } from './support/place.mjs';
import { numbers, seed } from './support/seed.mjs';
import { open } from './support/shop.mjs';
import { look } from './support/look.mjs';

const KILLS = 20;
/// A kill comes after so many more acknowledgements at most, and then so much later.
const ACKNOWLEDGED_MAX = 120;
const LATER_MS_MAX = 40;
/// Acknowledgements after which people pause until the next kill is due: more than
/// come before it, so that it always comes under load.
const PAUSE_AFTER = 2 * ACKNOWLEDGED_MAX;
/// How long it may take where it goes wrong.
const TIMEOUT_MS = 180_000;
/// After every fourth kill the next process is killed as well, while it starts.
const STILLBORN_EVERY = 4;
const STILLBORN_MS_MAX = 300;

test(`killed ${KILLS} times under load, it loses, doubles and reorders nothing`, { timeout: TIMEOUT_MS }, async (t) => {
  const random = numbers(seed);
  t.diagnostic(`E2E_SEED=${seed} repeats the moments of the kills`);
  const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  const here = await place(folder);
  try {
    await here.start();
    const shop = await open(here, (await readFile(join(folder, 'operator.key'), 'utf8')).trim());
    const work = load(here, shop, numbers(seed + 1));
    const { acknowledged, sessions, seen, refused } = work.observations;
    let histories = {};
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const wanted = acknowledged.length + 1 + Math.floor(random() * ACKNOWLEDGED_MAX);
      work.pauseAt(acknowledged.length + PAUSE_AFTER);
      await work.reached(`${wanted} acknowledgements`, () => acknowledged.length >= wanted);
      await new Promise((resolve) => setTimeout(resolve, random() * LATER_MS_MAX));
      await here.kill();
      if (kill % STILLBORN_EVERY === 0) await here.killStarting(random() * STILLBORN_MS_MAX);
      await here.start();
      histories = await look(work, histories, { after: `kill ${kill}` });
    }
    await work.settle();
    await look(work, histories, { after: 'the last kill', whole: true });
    const revoked = sessions.filter(({ revoked }) => revoked === 'answered').length;
    t.diagnostic(
      `${acknowledged.length} events acknowledged, ${seen.length} seen, ${sessions.length} sessions, ${revoked} revoked`,
    );
    assert.equal(refused.length, 0, 'a store that works refuses nobody');
    assert.equal(await here.stop(), 0);
    for (const log of here.logs) {
      assert.doesNotMatch(log, /panicked/);
      assert.doesNotMatch(log, /cs_(at|rt|sk)_|eyJ/, 'no token is in the log');
    }
  } finally {
    await here.dispose();
    await rm(folder, { recursive: true });
  }
});
