// Backups of a server under load, what comes back when one is restored, and who gets in
// afterwards, at every door. docs/operations.md tells the same as a drill.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tokenGenerate } from '@vonage/jwt';
import jsonwebtoken from 'jsonwebtoken';
import { faults } from './support/checker.mjs';
import { call, countersign, dev, serve } from './support/countersign.mjs';
import { smallDisk } from './support/faulty_disk.mjs';
import { device } from './support/kustomer/device.mjs';
import { load } from './support/load.mjs';
import { DEADLINE_MS, place } from './support/place.mjs';
import { numbers, seed } from './support/seed.mjs';
import { mint, open } from './support/shop.mjs';
import { person, pointed } from './support/sinch/person.mjs';

const ticketgen = createRequire(import.meta.url)('sinch-ticketgen');

/// Events that are acknowledged before a backup, and after it.
const EVENTS_BETWEEN = 300;
/// How long a commit may take while a backup is made: many times what one takes, and a
/// small part of what a server that is stopped would need.
const COMMIT_MS_MAX = 2_000;
const TIMEOUT_MS = 120_000;

async function inFolder(use) {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/// Runs a command that must end so, and answers the one line that it prints.
async function runs(args, code = 0) {
  const run = await countersign([...args, '--json']);
  assert.equal(run.code, code, run.stderr);
  return JSON.parse(run.stdout);
}

/// What is asked until it is answered with something else than that its credential is
/// older than the restore, whose second counts in full.
async function fresh(ask) {
  for (const since = Date.now(); ; ) {
    const answer = await ask();
    if (answer.body?.code !== 'credential_revoked' || Date.now() - since > DEADLINE_MS) return answer;
  }
}

test('under load: a backup holds what was acknowledged before it, and a restore tells nothing else', { timeout: TIMEOUT_MS }, (t) =>
  inFolder(async (folder) => {
    t.diagnostic(`E2E_SEED=${seed} repeats what people choose`);
    const data = join(folder, 'data');
    const backup = join(folder, 'backup.db');
    const here = await place(data);
    try {
      await here.start();
      const operator = (await readFile(join(data, 'operator.key'), 'utf8')).trim();
      const shop = await open(here, operator);
      const work = load(here, shop, numbers(seed));
      const { acknowledged, attempts, refused } = work.observations;
      const more = (count) => {
        const wanted = acknowledged.length + count;
        return work.reached(`${count} more acknowledgements`, () => acknowledged.length >= wanted);
      };
      await more(EVENTS_BETWEEN);
      const before = [...acknowledged];
      // Beside the load, somebody who counts how long each of their calls takes.
      const times = [];
      let counting = true;
      const counts = async () => {
        const name = `talk-${randomUUID()}`;
        while (counting) {
          const begun = performance.now();
          const { status } = await here.insist('PATCH', `/v1/conversations/${shop.conversations[0]}`, { bearer: shop.backend, body: { display_name: name } });
          assert.equal(status, 200);
          times.push(performance.now() - begun);
        }
      };
      const counted = counts();
      const made = await runs(['backup', '--data-dir', data, '--to', backup]);
      const during = acknowledged.length - before.length;
      counting = false;
      await counted;
      t.diagnostic(`${made.bytes} bytes in ${made.milliseconds} ms; ${during} acknowledged meanwhile, the slowest of ${times.length} calls took ${Math.ceil(Math.max(...times))} ms`);
      assert.ok(Math.max(...times) < COMMIT_MS_MAX);
      assert.equal((await stat(backup)).mode & 0o777, 0o600);
      assert.equal(made.applications, 1);
      assert.ok(made.users >= shop.people.length && made.events >= before.length);
      assert.equal(made.epoch, 1);
      await more(EVENTS_BETWEEN);
      await work.settle();
      assert.equal(refused.length, 0, 'nobody was refused for it');

      // Nothing is put under a server that runs.
      const early = await countersign(['restore', '--data-dir', data, '--from', backup, '--replace']);
      assert.equal(early.code, 1);
      assert.match(early.stderr, /is in use by another process \(\d+\); stop the server, and restore then\n$/);
      assert.equal(await here.stop(), 0);
      const restored = await runs(['restore', '--data-dir', data, '--from', backup, '--replace']);
      assert.ok(restored.epoch > made.epoch);
      assert.ok(restored.sessions_ended > 0);
      assert.equal((await stat(restored.replaced)).mode & 0o777, 0o600, 'what was there is kept');
      await here.start();
      const histories = await work.histories();
      const observed = { attempts, acknowledged: before, seen: [], sessions: [] };
      assert.deepEqual(faults(observed, histories), []);
      const events = Object.values(histories).reduce((sum, history) => sum + history.length, 0);
      assert.equal(events, made.events);

      // People are sent away with a reason, and are in again with a new credential.
      const [{ name, tokens }] = shop.people;
      const away = await here.insist('GET', '/v1/conversations', { bearer: tokens[0] });
      assert.deepEqual([away.status, away.body.code, away.body.hint], [401, 'session_ended', 'log in again']);
      assert.match(away.body.detail, /restored from a backup/);
      const again = await fresh(() => here.insist('POST', '/v1/sessions', { bearer: shop.page, body: { credential: mint(shop, name).credential } }));
      assert.equal(again.status, 201, JSON.stringify(again.body));
      // What their device knows of the history is void, and it is told all of it.
      const [conversation] = shop.conversations;
      const far = { epoch: made.epoch, have: { [conversation]: histories[conversation].length + 5 }, wait_seconds: 0 };
      const { body: { frames } } = await here.insist('POST', '/v1/sync', { bearer: again.body.access_token, body: far });
      assert.deepEqual([frames[0].type, frames[0].resumed, frames[0].epoch], ['welcome', false, restored.epoch]);
      const { audit } = (await here.insist('GET', '/v1/audit?limit=1', { bearer: operator })).body;
      assert.deepEqual([audit[0].action, audit[0].target], ['history.restore', String(restored.epoch)]);
      assert.equal(await here.stop(), 0);
      for (const log of here.logs) assert.doesNotMatch(log, /panicked|internal error/);
    } finally {
      await here.dispose();
    }
  }));

/// A server in development, and what people do at its doors.
async function doors(folder) {
  const server = await dev(folder);
  const { url, application, doors } = server.ready;
  const key = await readFile(application.nexmo.private_key_file, 'utf8');
  const asked = async (method, path, options, base = url) => call(base, method, path, options);
  const ok = async (...given) => {
    const { status, body } = await asked(...given);
    assert.ok(status < 300, `${given[0]} ${given[1]}: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  const claims = (subject) => {
    const iat = Math.floor(Date.now() / 1000);
    return { aud: application.id, sub: subject, iat, exp: iat + 3_600, jti: randomUUID() };
  };
  return {
    ...server,
    asked,
    ok,
    backend: (method, path, body) => ok(method, path, { bearer: application.api_key, body }),
    /// A credential for the native door.
    native: (subject) => jsonwebtoken.sign(claims(subject), key, { algorithm: 'RS256' }),
    login: (credential) => asked('POST', '/v1/sessions', { bearer: application.publishable_key, body: { credential } }),
    refresh: (refresh_token, nonce) => asked('POST', '/v1/sessions/refresh', { body: { refresh_token, nonce } }),
    /// A credential for the nexmo door, where it is a bearer.
    nexmo: (subject) => tokenGenerate(application.id, key, { subject, ttl: 3_600, acl: { paths: { '/**': {} } } }),
    rest: (bearer) => asked('GET', '/v0.3/conversations', { bearer }, doors.nexmo),
    /// A device with an old chat client.
    kustomer: () => device(`${doors.kustomer}/${application.slug}`),
    kustomerCredential: (externalId) => jsonwebtoken.sign({ externalId }, application.kustomer.secret),
    /// A process with the SDK.
    async sinch() {
      const who = await person(application.sinch.tls_certificate_file);
      const anew = () => who.does('make', pointed(doors.sinch, application.sinch.key));
      await anew();
      const ticket = (username) => ticketgen(application.sinch.key, application.sinch.secret, { username }, new Date()).userTicket;
      return { ...who, anew, start: (how) => who.does('start', how), refused: (how) => who.fails('start', how), ticket };
    },
  };
}

test('at every door: who was somebody logs in again, visitors go on, and nobody who was sent away is back', { timeout: TIMEOUT_MS }, () =>
  inFolder(async (folder) => {
    const data = join(folder, 'data');
    const backup = join(folder, 'backup.db');
    let here = await doors(data);
    // Native: two devices of alice, and a visitor who has written and refreshed.
    const [phone, laptop] = [(await here.login(here.native('alice'))).body, (await here.login(here.native('alice'))).body];
    const unused = here.native('alice');
    let visitor = await here.ok('POST', '/v1/sessions/anonymous', { bearer: here.ready.application.publishable_key, body: {} });
    const chat = await here.ok('POST', '/v1/conversations', { bearer: visitor.access_token, body: { display_name: 'help' } });
    const refreshed = async (nonce) => {
      const answer = await here.refresh(visitor.refresh_token, nonce);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      visitor = answer.body;
    };
    await refreshed('one');
    // Nexmo: a credential is a bearer. Kustomer: a customer and a visitor. Sinch: a device.
    await here.backend('POST', '/v1/users', { name: 'nina' });
    const [nina, revoked] = [here.nexmo('nina'), here.nexmo('nina')];
    const backendToken = tokenGenerate(here.ready.application.id, await readFile(here.ready.application.nexmo.private_key_file, 'utf8'), { ttl: 3_600 });
    assert.equal((await here.rest(nina)).status, 200);
    const [customer, guest] = [here.kustomer(), here.kustomer()];
    await customer.start();
    await customer.logIn(here.kustomerCredential('carol'));
    await guest.start();
    const session = await guest.begin('A question');
    await guest.say(session, 'before');
    const sam = await here.sinch();
    const saved = await sam.start({ userTicket: sam.ticket('sam') });
    await sam.leaves();

    const made = await runs(['backup', '--data-dir', data, '--to', backup]);
    assert.equal(made.events, 3, 'the places of two visitors, and what one of them said');

    // What the backup does not know: a revocation, a log-out, a use, and visitors who go on.
    await here.backend('POST', '/v1/revocations', { session_id: laptop.session.id });
    await here.backend('POST', '/v1/revocations', { jti: jsonwebtoken.decode(revoked).jti });
    assert.equal((await here.login(unused)).status, 201);
    const late = (await here.login(here.native('bob'))).body;
    const old = visitor.refresh_token;
    await refreshed('two');
    await refreshed('three');
    await guest.say(session, 'after');
    await here.stop();
    const restored = await runs(['restore', '--data-dir', data, '--from', backup, '--replace']);
    assert.equal(restored.sessions_kept, false);
    here = await doors(data);

    const ended = [401, 'session_ended'];
    const told = ({ status, body }) => [status, body.code];
    const read = (bearer) => here.asked('GET', '/v1/conversations', { bearer });
    for (const one of [phone, laptop, late]) {
      assert.deepEqual(told(await read(one.access_token)), ended);
      const answer = await here.refresh(one.refresh_token, 'one more');
      assert.deepEqual([...told(answer), answer.body.hint], [...ended, 'log in again']);
    }
    // One-time or not, what was issued before the restore opens nothing.
    for (const credential of [unused, nina]) {
      const answer = await here.login(credential);
      assert.deepEqual([...told(answer), answer.body.hint], [401, 'credential_revoked', 'mint another one']);
      assert.match(answer.body.detail, /restored from a backup/);
    }
    for (const bearer of [nina, revoked, backendToken]) assert.equal((await here.rest(bearer)).status, 401);
    assert.equal((await fresh(() => here.login(here.native('alice')))).status, 201);
    assert.equal((await here.rest(here.nexmo('nina'))).status, 200);

    // The visitor’s tokens are ahead of the row, and go on once. An earlier one ends it.
    assert.equal((await read(visitor.access_token)).body.conversations[0].id, chat.id);
    const before = visitor.refresh_token;
    const active = async (token) => {
      const headers = { authorization: `Bearer ${here.ready.application.api_key}` };
      const answer = await fetch(`${here.ready.url}/v1/tokens/introspect`, { method: 'POST', headers, body: new URLSearchParams({ token }) });
      return (await answer.json()).active;
    };
    assert.deepEqual([await active(before), await active(phone.refresh_token)], [true, false]);
    await refreshed('four');
    assert.equal(await active(before), false);
    assert.deepEqual((await here.refresh(before, 'four')).body.refresh_token, visitor.refresh_token, 'a retry is the same');
    await refreshed('five');
    // What its device has counted is void; with the new epoch it is told what there is.
    const sync = async (body) => (await here.ok('POST', '/v1/sync', { bearer: visitor.access_token, body: { ...body, wait_seconds: 0 } })).frames;
    const [welcome] = await sync({ epoch: made.epoch, have: { [chat.id]: 9 } });
    assert.deepEqual([welcome.resumed, welcome.epoch], [false, restored.epoch]);
    const [, ...all] = await sync({ epoch: welcome.epoch, have: {} });
    assert.deepEqual(all.filter(({ type }) => type === 'event').map(({ event }) => event.id), [1]);
    assert.deepEqual(told(await here.refresh(old, 'a thief')), [401, 'refresh_reused']);

    // The customer is a visitor until the next login; the guest has the chat, as it was.
    const again = here.kustomer();
    assert.deepEqual(await again.refused(customer.token, 'PATCH', '/c/v1/customers/current', {}), ended);
    again.token = customer.token;
    await again.start();
    assert.equal(again.verified, false);
    const still = here.kustomer();
    still.token = guest.token;
    await still.start();
    assert.deepEqual(await still.said(session), ['in: before']);
    // What the device has saved is over, and a new ticket opens another.
    const back = await here.sinch();
    const refusal = await back.refused(saved);
    assert.equal(refusal.response.errorCode, 40100, JSON.stringify(refusal));
    await back.anew();
    const another = await back.start({ userTicket: back.ticket('sam') });
    assert.notEqual(another.sessionId, saved.sessionId);
    await back.leaves();
    const { code, stderr } = await here.stop();
    assert.equal(code, 0);
    assert.doesNotMatch(stderr, /panicked|internal error/);
  }));

test('sessions that are kept go on, and what that means is said', { timeout: TIMEOUT_MS }, () =>
  inFolder(async (folder) => {
    const data = join(folder, 'data');
    const backup = join(folder, 'backup.db');
    let here = await doors(data);
    let alice = (await here.login(here.native('alice'))).body;
    await runs(['backup', '--data-dir', data, '--to', backup]);
    alice = (await here.refresh(alice.refresh_token, 'one')).body;
    await here.stop();
    const run = await countersign(['restore', '--data-dir', data, '--from', backup, '--replace', '--keep-sessions']);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /^Sessions were kept: who logged out, was revoked or blocked, or got another password/m);
    here = await doors(data);
    const read = await here.asked('GET', '/v1/conversations', { bearer: alice.access_token });
    assert.equal(read.status, 200);
    const answer = await here.refresh(alice.refresh_token, 'two');
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    await here.stop();

    // The next restore ends them, also those that were kept.
    const next = await runs(['restore', '--data-dir', data, '--from', backup, '--replace']);
    assert.equal(next.sessions_ended, 1);
    here = await doors(data);
    assert.equal((await here.asked('GET', '/v1/conversations', { bearer: answer.body.access_token })).status, 401);
    await here.stop();
  }));

/// What lies in a folder, with content and mode, so that nothing can change unseen.
async function contents(folder) {
  const all = {};
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const file = join(folder, name);
    const found = await stat(file);
    // What a reader shares with a server is neither's content.
    if (!found.isFile() || name.endsWith('-shm')) continue;
    all[name] = [found.mode, (await readFile(file)).toString('hex')];
  }
  return all;
}

test('what cannot be done is one sentence, and nothing is touched', { timeout: TIMEOUT_MS }, (t) =>
  inFolder(async (folder) => {
    const at = (name) => join(folder, name);
    const data = at('data');
    const server = await serve(['--data-dir', data, '--listen', '127.0.0.1:0']);
    await runs(['backup', '--data-dir', data, '--to', at('good.db')]);
    await server.stop();
    // While no server runs, too; and what comes of both is the same but for what was noted since.
    const made = await runs(['backup', '--data-dir', data, '--to', at('second.db')]);
    assert.equal(made.epoch, 1);

    const good = await readFile(at('good.db'));
    await writeFile(at('text'), 'no database at all\n'.repeat(500), { mode: 0o600 });
    await writeFile(at('short.db'), good.subarray(0, good.length / 2));
    await writeFile(at('changed.db'), Buffer.concat([good.subarray(0, 40_000), randomBytes(20_000), good.subarray(60_000)]));
    // The schema that the header tells.
    const newer = Buffer.from(good);
    newer.writeUInt32BE(4_711, 60);
    await writeFile(at('newer.db'), newer);
    await writeFile(at('key'), randomBytes(32), { mode: 0o600 });
    await writeFile(at('open-key'), randomBytes(32), { mode: 0o644 });
    await copyFile(join(data, 'key-encryption-key'), at('right-key'));
    await mkdir(at('other'), { mode: 0o700 });
    await copyFile(at('key'), join(at('other'), 'key-encryption-key'));

    const backup = (...more) => ['backup', '--data-dir', data, ...more];
    const restore = (from, ...more) => ['restore', '--data-dir', data, '--replace', '--from', at(from), ...more];
    const refusals = [
      [1, backup('--to', at('good.db')), `${at('good.db')} is there already, and no backup replaces another; name a file that is not there`],
      [2, backup('--to', join(data, 'x.db')), 'lies in the data folder, and would be lost with it; name a file on another disk'],
      [2, backup('--to', join(folder, 'none', 'x.db')), `there is no folder ${at('none')} for the backup`],
      [2, ['backup', '--data-dir', at('none'), '--to', at('x.db')], `data_dir (--data-dir): ${at('none')} holds no database`],
      [2, ['backup', '--to', at('x.db'), '--config', at('none.toml')], `cannot read the configuration file ${at('none.toml')} (--config)`],
      [2, ['backup', '--data-dir', at('other'), '--to', at('x.db')], 'holds no database that this user can see; name a server\'s data folder'],
      [1, ['restore', '--data-dir', data, '--from', at('good.db')], 'holds a database; move it away, or say --replace, which keeps it there under another name'],
      [2, restore('none.db'), `--from is ${at('none.db')}, where there is no file that this user can see; name a backup`],
      [2, restore('text'), `${at('text')} is not a database of countersign; name a file that countersign backup has made`],
      [2, restore('short.db'), `${at('short.db')} is damaged: `],
      [2, restore('changed.db'), `${at('changed.db')} is damaged: `],
      [2, restore('newer.db'), 'has schema 4711, and this program knows up to'],
      [2, restore('good.db', '--key-encryption-key', at('key')), `${at('key')} does not open the secrets in the database: the secret was sealed under key-encryption key `],
      [2, restore('good.db', '--key-encryption-key', at('open-key')), 'is open to other users (mode 0644): run chmod 600'],
      [2, restore('good.db', '--key-encryption-key', at('text')), 'does not hold exactly 32 bytes, so it is not a key-encryption key'],
      [2, ['restore', '--data-dir', at('none'), '--from', at('good.db')], `there is no key-encryption key ${join(at('none'), 'key-encryption-key')}`],
      [1, ['restore', '--data-dir', at('other'), '--from', at('good.db'), '--key-encryption-key', at('right-key')], 'holds another key-encryption key; move it away, or say --replace'],
    ];
    for (const [code, args, sentence] of refusals) {
      const before = await contents(folder);
      const run = await countersign(args);
      assert.equal(run.code, code, `${args.join(' ')}: ${run.stderr}`);
      assert.equal(run.stdout, '');
      assert.match(run.stderr, /^error: [^\n]+\n$/);
      assert.ok(run.stderr.includes(sentence), `${run.stderr} lacks ${sentence}`);
      assert.deepEqual(await contents(folder), before, args.join(' '));
    }

    // A database that is not whole makes no backup.
    const damaged = at('damaged');
    await mkdir(damaged, { mode: 0o700 });
    await copyFile(at('changed.db'), join(damaged, 'countersign.db'));
    await copyFile(at('right-key'), join(damaged, 'key-encryption-key'));
    const run = await countersign(['backup', '--data-dir', damaged, '--to', at('x.db')]);
    assert.equal(run.code, 2);
    assert.match(run.stderr, /^error: the database in [^\n]+damaged is damaged, so that there is no backup of it: [^\n]+\n$/);

    const disk = await smallDisk(folder, 4);
    if (disk.refused) return t.diagnostic(`this process may not mount a small disk: ${disk.refused}`);
    try {
      await disk.fill();
      const full = await countersign(backup('--to', join(disk.data, 'x.db')));
      assert.equal(full.code, 2, full.stderr);
      assert.match(full.stderr, /^error: cannot write the copy [^\n]+x\.db: [^\n]+; name a place with room, where this user may write\n$/);
      assert.deepEqual(await readdir(disk.data), []);
      await disk.free();
      await copyFile(at('right-key'), join(disk.data, 'key-encryption-key'));
      // Room for the lock and the folder, and not for the database.
      await writeFile(join(disk.data, 'filler'), Buffer.alloc(3.9 * (1 << 20)));
      const fuller = await countersign(['restore', '--data-dir', disk.data, '--from', at('good.db')]);
      assert.equal(fuller.code, 2, fuller.stderr);
      assert.match(fuller.stderr, /^error: cannot write the copy [^\n]+; name a place with room, where this user may write\n$/);
      assert.deepEqual((await readdir(disk.data)).sort(), ['countersign.lock', 'filler', 'key-encryption-key']);
    } finally {
      await disk.dispose();
    }
  }));

test('a backup moves to another machine with its key', { timeout: TIMEOUT_MS }, () =>
  inFolder(async (folder) => {
    const [data, elsewhere, backup, key] = ['data', 'elsewhere', 'backup.db', 'key'].map((name) => join(folder, name));
    const here = await serve(['--data-dir', data, '--listen', '127.0.0.1:0']);
    const operator = (await readFile(join(data, 'operator.key'), 'utf8')).trim();
    const made = await call(here.ready.url, 'POST', '/v1/applications', { bearer: operator, body: { name: 'Shop' } });
    assert.equal(made.status, 201);
    await runs(['backup', '--data-dir', data, '--to', backup]);
    await here.stop();
    await copyFile(join(data, 'key-encryption-key'), key);
    await rm(data, { recursive: true });
    const restored = await runs(['restore', '--data-dir', elsewhere, '--from', backup, '--key-encryption-key', key]);
    assert.equal(restored.replaced, null);
    const there = await serve(['--data-dir', elsewhere, '--listen', '127.0.0.1:0']);
    const found = await call(there.ready.url, 'GET', `/v1/applications/${made.body.id}`, { bearer: operator });
    assert.equal(found.body.name, 'Shop');
    assert.equal((await there.stop()).code, 0);
    assert.deepEqual((await readdir(elsewhere)).sort(), ['countersign.db', 'countersign.lock', 'key-encryption-key']);
  }));
