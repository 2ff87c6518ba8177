// Disks that fail under load: what cannot be kept is refused, and nothing else;
// what was acknowledged is there, and the server goes on by itself as soon as its
// disk does.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { faultyDisk, smallDisk } from './support/faulty_disk.mjs';
import { load } from './support/load.mjs';
import { look } from './support/look.mjs';
import { inTime, place } from './support/place.mjs';
import { numbers, seed } from './support/seed.mjs';
import { open } from './support/shop.mjs';

/// Events that are acknowledged before the next fault, and after each.
const EVENTS_BETWEEN = 60;
/// Calls of a fault that fail where nobody is refused: those of several checkpoints.
const CHECKPOINTS_FAILED = 2;
/// Refusals of each fault: everybody is refused, and asks again, several times.
const REFUSALS = 40;
/// How soon a server goes on once its disk works.
const RECOVERY_MS = 10_000;
/// How long a node goes by what it remembers, how often it looks, and how often it
/// is asked meanwhile: a session may ask a hundred times a second.
const UNSEEN_MS = 5_000;
const LOOK_MS = 1_000;
const ASKED_EVERY_MS = 100;
/// How long a test may take that goes wrong.
const TIMEOUT_MS = 120_000;
/// The room on the small disk, in mebibytes.
const SMALL = 48;

const ALL_FILES = ['database', 'log', 'index', 'other'];

/// Each kind of failure: what fails, and whether writes are refused meanwhile.
const FAULTS = [
  { name: 'the disk is full', error: 'ENOSPC', operations: ['write', 'size'], files: ALL_FILES, refuses: true },
  { name: 'the disk is broken', error: 'EIO', operations: ['write', 'size', 'sync'], files: ALL_FILES, refuses: true },
  { name: 'the log cannot be written', error: 'EIO', operations: ['write'], files: ['log'], refuses: true },
  { name: 'the log has no room', error: 'ENOSPC', operations: ['write'], files: ['log'], refuses: true },
  { name: 'no sync succeeds', error: 'EIO', operations: ['sync'], files: ALL_FILES, refuses: true },
  { name: 'no sync of the log succeeds, and each loses what it should keep', error: 'EIO', operations: ['sync'], files: ['log'], forget: true, refuses: true },
  { name: 'the database cannot be written from the log', error: 'EIO', operations: ['write'], files: ['database'], refuses: false },
  { name: 'the database has no room for the log', error: 'ENOSPC', operations: ['write', 'size'], files: ['database'], refuses: false },
  { name: 'no sync of the database succeeds', error: 'EIO', operations: ['sync'], files: ['database'], refuses: false },
];

/// A failure of one call alone: the next one succeeds, and is not to be believed
/// where it covers what the failed one has lost.
const ONCE = [
  { name: 'one write of the log fails', operations: ['write'], files: ['log'] },
  { name: 'one sync of the log fails', operations: ['sync'], files: ['log'], forget: true },
  { name: 'one write of the database fails', operations: ['write'], files: ['database'] },
  { name: 'one sync of the database fails', operations: ['sync'], files: ['database'], forget: true },
];

/// Runs a server with people on a folder. `use` gets all of it.
async function underLoad(t, data, environment, use) {
  t.diagnostic(`E2E_SEED=${seed} repeats what people choose`);
  const here = await place(data, { environment });
  try {
    await here.start();
    const shop = await open(here, (await readFile(join(data, 'operator.key'), 'utf8')).trim());
    const work = load(here, shop, numbers(seed));
    const { acknowledged, refused } = work.observations;
    const more = (events, within) => {
      const wanted = acknowledged.length + events;
      return work.reached(`${events} more acknowledgements`, () => acknowledged.length >= wanted, within);
    };
    await use({ t, here, shop, work, more, acknowledged, refused });
    const found = await work.settle();
    await look(work, found, { after: 'everything', whole: true });
    assert.equal(await here.stop(), 0);
    for (const log of here.logs) {
      assert.doesNotMatch(log, /panicked|internal error/);
      assert.doesNotMatch(log, /cs_(at|rt|sk)_|eyJ/, 'no token is in the log');
    }
  } finally {
    await here.dispose();
  }
}

/// While nothing can be written: refusals, again and again, and reads that work. Where the index of
/// the log cannot be made either, reads may be refused, too: a checkpoint that met the fault has
/// all connections opened anew, and that makes the index again.
async function refusing({ shop, work, here, refused }, { again = async () => {}, index = true } = {}) {
  const first = refused.length;
  while (refused.length < first + REFUSALS) {
    await again();
    const next = refused.length + 1;
    work.nextTurn();
    await work.reached('a refusal', () => refused.length >= next);
  }
  for (const { by, code, type } of refused) {
    assert.equal(code, 'unavailable');
    if (by === 'http') assert.equal(type, 'application/problem+json');
  }
  const [conversation] = shop.conversations;
  for (const path of [`/v1/conversations/${conversation}/events?limit=10`, '/v1/conversations', '/healthz', '/readyz']) {
    const { status, body } = await here.insist('GET', path, { bearer: shop.people[0].tokens[0] });
    if (!index && status === 503 && path !== '/healthz') assert.equal(body.code, 'unavailable', path);
    else assert.equal(status, 200, path);
  }
}

/// Whether the index of the log can be made while a fault lasts.
function leavesIndex({ operations, files }) {
  return !files.includes('index') || !operations.some((operation) => ['write', 'size'].includes(operation));
}

/// Sends events until the calls of a fault have come, and have failed.
function eventually(name, disk, more, calls = 1) {
  const failed = async () => {
    while (disk.failed() < calls) await more(EVENTS_BETWEEN);
  };
  return inTime(`a call that fails: ${name}`, failed());
}

/// A test with people on a disk that fails on demand.
function onFaultyDisk(name, use) {
  test(name, { timeout: TIMEOUT_MS }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
    const disk = await faultyDisk(folder);
    try {
      await underLoad(t, disk.data, disk.environment, (world) => use({ ...world, disk }));
    } finally {
      disk.dispose();
      await rm(folder, { recursive: true });
    }
  });
}

onFaultyDisk('faults on demand: each is survived without a restart', async (world) => {
  const { t, disk, work, more } = world;
  let histories = {};
  for (const fault of FAULTS) {
    await more(EVENTS_BETWEEN);
    const connections = work.connections();
    work.nextTurn();
    disk.fail(fault);
    if (fault.refuses) await refusing(world, { index: leavesIndex(fault) });
    else await eventually(fault.name, disk, more, CHECKPOINTS_FAILED);
    assert.ok(disk.failed() > 0, `${fault.name}: nothing has failed`);
    disk.works();
    work.goOn();
    await more(EVENTS_BETWEEN, RECOVERY_MS);
    assert.deepEqual(work.connections(), connections, `${fault.name}: sockets stay open`);
    histories = await look(work, histories, { after: fault.name });
    t.diagnostic(`${fault.name}: ${disk.failed()} calls failed`);
  }
});

onFaultyDisk('a sync that failed once is not believed the next time', async ({ disk, here, work, more }) => {
  let histories = {};
  for (const fault of ONCE) {
    await more(EVENTS_BETWEEN);
    disk.fail({ error: 'EIO', times: 1, ...fault });
    await eventually(fault.name, disk, more);
    await more(EVENTS_BETWEEN);
    disk.evict();
    histories = await look(work, histories, { after: fault.name });
    // The end moves what is left of the log, and deletes it: then all is in the database.
    assert.equal(await here.stop(), 0);
    assert.equal(disk.failed(), 1, fault.name);
    disk.works();
    await here.start();
    histories = await look(work, histories, { after: `${fault.name}, and a restart` });
  }
});

onFaultyDisk('a disk that cannot be read is out of sight after five seconds, and sockets wait', async ({ disk, here, shop, work, more }) => {
  await more(EVENTS_BETWEEN);
  const connections = work.connections();
  work.nextTurn();
  disk.fail({ error: 'EIO', operations: ['read', 'write', 'sync', 'size'], files: ['database', 'log'] });
  const failing = Date.now();
  const bearer = shop.people[0].tokens[0];
  // A mistake is told by a node that knows the session, without its store: for as
  // long as it may go by what it remembers.
  const mistake = () =>
    here.insist('POST', `/v1/conversations/${shop.conversations[0]}/events`, { bearer, body: { type: 'text', body: {} } });
  const out = async () => {
    for (;;) {
      const { status, body } = await mistake();
      if (status === 503) return;
      assert.deepEqual([status, body.code], [400, 'bad_request']);
      await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY_MS));
    }
  };
  await inTime('a node that has lost sight of its store', out());
  const lasted = Date.now() - failing;
  assert.ok(UNSEEN_MS - LOOK_MS < lasted && lasted < UNSEEN_MS + RECOVERY_MS, `it lasted ${lasted} ms`);
  for (const path of ['/v1/conversations', '/v1/sessions', '/v1/devices', '/readyz']) {
    const { status, headers, body } = await here.insist('GET', path, { bearer });
    assert.deepEqual([status, body.code], [503, 'unavailable'], path);
    assert.equal(headers.get('content-type'), 'application/problem+json');
  }
  assert.equal((await here.insist('GET', '/healthz')).status, 200);
  assert.deepEqual(work.connections(), connections, 'sockets wait');
  disk.works();
  work.goOn();
  await more(EVENTS_BETWEEN, RECOVERY_MS);
  assert.deepEqual(work.connections(), connections, 'sockets go on');
  await look(work, {}, { after: 'a disk that could not be read' });
});

onFaultyDisk('killed while its disk fails, it comes back with what it acknowledged', async ({ disk, here, work, more, refused }) => {
  let histories = {};
  for (const fault of FAULTS) {
    await more(EVENTS_BETWEEN);
    work.nextTurn();
    disk.fail(fault);
    const wanted = refused.length + 1;
    if (fault.refuses) await work.reached('a refusal', () => refused.length >= wanted);
    else await eventually(fault.name, disk, more);
    await here.kill();
    disk.works();
    work.goOn();
    await here.start();
    histories = await look(work, histories, { after: `${fault.name}, and a kill` });
  }
});

test('a disk that is full goes on when there is room', { timeout: TIMEOUT_MS }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  const disk = await smallDisk(folder, SMALL);
  try {
    if (disk.refused) return t.skip(`this process may not mount a small disk: ${disk.refused}; a full one is simulated above`);
    await underLoad(t, disk.data, {}, async (world) => {
      const { work, more } = world;
      let histories = {};
      for (const round of ['once', 'twice', 'three times']) {
        await more(EVENTS_BETWEEN);
        const connections = work.connections();
        work.nextTurn();
        // The log is cut to make room; so the disk is filled again and again.
        await refusing(world, { again: disk.fill });
        await disk.free();
        work.goOn();
        await more(EVENTS_BETWEEN, RECOVERY_MS);
        assert.deepEqual(work.connections(), connections, 'sockets stay open');
        histories = await look(work, histories, { after: `a disk that was full ${round}` });
      }
    });
  } finally {
    await disk.dispose?.();
    await rm(folder, { recursive: true });
  }
});
