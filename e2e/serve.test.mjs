// `countersign serve`: how it is configured, refused, started, stopped and started again.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { binary, call, countersign, dev, serve } from './support/countersign.mjs';
import { contents, inFolder } from './support/folder.mjs';
import { trusting } from './support/tls.mjs';

const FREE = '127.0.0.1:0';

/// Starts with a configuration that must be refused: in one sentence, with exit
/// code 2, with nothing on standard output, and with nothing written.
async function refuses(folder, { args = [], file, env }, sentence) {
  const config = join(folder, 'countersign.toml');
  if (file !== undefined) await writeFile(config, file);
  const before = await contents(folder);
  const given = file === undefined ? args : ['--config', config, ...args];
  const run = await countersign(['serve', ...given], '', env);
  assert.equal(run.code, 2, run.stderr);
  assert.equal(run.stdout, '');
  assert.match(run.stderr, /^error: [^\n]+\n$/);
  assert.ok(run.stderr.includes(sentence), `${run.stderr} lacks ${sentence}`);
  assert.deepEqual(await contents(folder), before);
}

test('a proxy that is named is believed about who asks, and nobody else is', () =>
  inFolder(async (folder) => {
    const given = ['--data-dir', join(folder, 'data'), '--listen', FREE];
    const named = (proxies) => ['--trusted-proxies', proxies];
    for (const [more, status] of [[named('127.0.0.1'), 403], [named('10.0.0.1, 127.0.0.0/8'), 403], [[], 200]]) {
      const { ready, stop } = await serve([...given, ...more]);
      const key = (await readFile(join(folder, 'data', 'operator.key'), 'utf8')).trim();
      const ask = async (forwarded) => {
        const headers = { authorization: `Bearer ${key}`, ...forwarded };
        return (await fetch(`${ready.url}/v1/applications`, { headers })).status;
      };
      // Plain HTTP from elsewhere is no way for an operator's key.
      const elsewhere = { 'x-forwarded-for': '192.0.2.1' };
      assert.equal(await ask(elsewhere), status);
      assert.equal(await ask({ ...elsewhere, 'x-forwarded-proto': 'https' }), 200);
      assert.equal(await ask({}), 200);
      await stop();
    }
  }));

test('messages of sinch clients are served with a certificate from files', () =>
  inFolder(async (folder) => {
    // A certificate of somebody's own making.
    const made = join(folder, 'made');
    const { stop } = await dev(made);
    await stop();
    const [certificate, key] = ['tls-certificate.pem', 'tls-key.pem'].map((name) => join(made, name));
    const config = join(folder, 'countersign.toml');
    await writeFile(
      config,
      `listen = "${FREE}"
data_dir = "${join(folder, 'data')}"
[doors]
sinch_messaging = "${FREE}"
[sinch_messaging]
certificate_file = "${certificate}"
key_file = "${key}"
`,
    );
    const server = await serve(['--config', config]);
    const url = server.ready.doors.sinch_messaging;
    assert.match(url, /^https:/);
    const answer = await trusting(await readFile(certificate))(`${url}/time/0`);
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /^\[\d{17}\]$/);
    await assert.rejects(trusting()(`${url}/time/0`), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    assert.equal((await server.stop()).code, 0);
    await chmod(key, 0o644);
    await refuses(folder, { args: ['--config', config] }, `sinch_messaging.key_file (${config}:7) is ${key}, which is open to other users (mode 0644): run chmod 600 ${key}, or`);
  }));

test('a mistake in the configuration is one sentence, and nothing is touched', () =>
  inFolder(async (folder) => {
    const config = join(folder, 'countersign.toml');
    const data = join(folder, 'data');
    const keep = `data_dir = "${data}"\n`;
    const wrong = [
      [{ file: `${keep}lisen = ""` }, `${config}:2: there is no key "lisen"; did you mean "listen"?`],
      [{ file: `${keep}port = 1` }, `${config}:2: there is no key "port"; remove it: the keys are listen, `],
      [{ file: `${keep}listen = 7080` }, `${config}:2: listen is an integer, and a text is wanted; write it in quotes`],
      [{ file: `${keep}[doors]\nnexmo = []` }, `${config}:3: doors.nexmo is an array, and a text is wanted`],
      [{ file: `${keep}listen = "x` }, `${config}:2: this is no TOML: `],
      [{ file: `${keep}\nlisten = "localhost"` }, `listen (${config}:3) is "localhost", which is no address; write`],
      [{ file: keep, args: ['--listen', '7080'] }, 'listen (--listen) is "7080", which is no address; write'],
      [{ file: keep, env: { COUNTERSIGN_LISTEN: ':1' } }, 'listen (COUNTERSIGN_LISTEN) is ":1", which is no address'],
      [{ file: keep, env: { COUNTERSIGN_LISTN: FREE } }, 'COUNTERSIGN_LISTN is no variable that is read; did you mean COUNTERSIGN_LISTEN?'],
      [{ file: `${keep}log_level = "all"` }, `log_level (${config}:2) is "all", which is no level of the log; write one of`],
      [
        { file: `${keep}listen = "0.0.0.0:7080"\n[doors]\nsinch = "127.0.0.1:7080"` },
        `listen (${config}:2) is 0.0.0.0:7080, and so is doors.sinch (${config}:4) with 127.0.0.1:7080; give each`,
      ],
      [
        { file: `${keep}[doors]\nsinch_messaging = "${FREE}"` },
        `doors.sinch_messaging (${config}:3) is ${FREE}, and its clients speak TLS alone; name tls.certificate_file and`,
      ],
      [
        {
          file: `${keep}[doors]\nsinch_messaging = "${FREE}"\n[sinch_messaging]\ncertificate_file = "/none.pem"\nkey_file = "/none.pem"`,
        },
        `sinch_messaging.certificate_file (${config}:5) is /none.pem, which cannot be read: No such file`,
      ],
      [
        { args: ['--config', join(folder, 'none.toml')] },
        `cannot read the configuration file ${join(folder, 'none.toml')} (--config): No such file`,
      ],
      [
        { env: { COUNTERSIGN_CONFIG: folder } },
        `cannot read the configuration file ${folder} (COUNTERSIGN_CONFIG): Is a directory`,
      ],
      [
        { file: keep, args: ['--listen', '192.0.2.1:7080'] },
        'listen (--listen): cannot listen on 192.0.2.1:7080: ',
      ],
      [{ file: `data_dir = "${config}"`, args: ['--listen', FREE] }, `data_dir (${config}:1): cannot use the data folder ${config}: not a directory`],
    ];
    for (const [given, sentence] of wrong) await refuses(folder, given, sentence);
  }));

test('a port in use is told before a folder is made', () =>
  inFolder(async (folder) => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = `127.0.0.1:${taken.address().port}`;
    const args = ['--data-dir', join(folder, 'data'), '--listen', FREE, '--doors-nexmo', address];
    const sentence = `doors.nexmo (--doors-nexmo): cannot listen on ${address}: Address already in use (os error 98); `;
    await refuses(folder, { args }, sentence);
    taken.close();
  }));

test('a folder that cannot be written is told', () =>
  inFolder(async (folder) => {
    // Root may write wherever something can be written at all.
    const root = process.getuid() === 0;
    const locked = root ? '/proc/self' : join(folder, 'locked');
    if (!root) await mkdir(locked, { mode: 0o500 });
    for (const data of [locked, join(locked, 'data')]) {
      await refuses(folder, { args: ['--listen', FREE, '--data-dir', data] }, 'data_dir (--data-dir): cannot ');
    }
  }));

test('a folder that is not as it must be is refused, and left as it is', () =>
  inFolder(async (folder) => {
    const data = join(folder, 'data');
    const args = ['--listen', FREE, '--data-dir', data];
    const first = await serve(args);
    await inUse(data, args, first.child.pid);
    await first.stop();

    const key = join(data, 'key-encryption-key');
    await chmod(key, 0o644);
    await refuses(folder, { args }, `data_dir (--data-dir): ${key} is open to other users (mode 0644): run chmod 600`);
    await chmod(key, 0o600);
    const operator = join(data, 'operator.key');
    await chmod(operator, 0o640);
    await refuses(folder, { args }, `data_dir (--data-dir): ${operator} is open to other users (mode 0640): run chmod 600 ${operator}, or`);
    await chmod(operator, 0o600);
    const kept = await readFile(key);
    await writeFile(key, 'short');
    await refuses(folder, { args }, `${key} does not hold exactly 32 bytes`);
    await rm(key);
    await refuses(folder, { args }, `the key file ${key} is missing beside a database whose secrets it opens; put it back`);
    await writeFile(key, kept, { mode: 0o600 });

    const file = join(data, 'countersign.db');
    const database = await readFile(file);
    // Where SQLite's header keeps the number of the schema.
    database.writeUInt32BE(database.readUInt32BE(60) + 1, 60);
    await writeFile(file, database);
    await refuses(folder, { args }, 'data_dir (--data-dir): the database has schema ');
    await refuses(folder, { args }, ': run the newer program');
    await writeFile(file, 'no database');
    await refuses(folder, { args }, `data_dir (--data-dir): ${file} `);
  }));

/// A second process is refused, and what the first one does not write meanwhile is as it was.
async function inUse(data, args, holder) {
  const kept = async () => Object.entries(await contents(data)).filter(([name]) => !name.startsWith('countersign.db'));
  const before = await kept();
  const second = await countersign(['serve', ...args]);
  assert.equal(second.code, 2);
  assert.match(second.stderr, /^error: [^\n]+\n$/);
  assert.match(second.stderr, new RegExp(`is in use by another process \\(${holder}\\); stop that one, or`));
  assert.deepEqual(await kept(), before);
}

test('the key that seals secrets may be kept elsewhere', () =>
  inFolder(async (folder) => {
    const [data, file, other] = ['data', 'sealing', 'other'].map((name) => join(folder, name));
    for (const key of [file, other]) await writeFile(key, randomBytes(32), { mode: 0o600 });
    const args = ['--listen', FREE, '--data-dir', data];
    const elsewhere = ['--key-encryption-key-file', file];
    const secret = (await readFile(file)).toString('base64');
    const variable = { COUNTERSIGN_KEY_ENCRYPTION_KEY: secret };
    // Made under the file, opened under the same bytes from the environment.
    await (await serve([...args, ...elsewhere])).stop();
    assert.ok(!(await readdir(data)).includes('key-encryption-key'));
    const bearer = (await readFile(join(data, 'operator.key'), 'utf8')).trim();
    const again = await serve(args, variable);
    assert.equal((await call(again.ready.url, 'GET', '/v1/applications', { bearer })).status, 200);
    const { stderr } = await again.stop();
    assert.ok(!stderr.includes(secret));

    await refuses(folder, { args }, `the key file ${join(data, 'key-encryption-key')} is missing beside a database`);
    await refuses(folder, { args: [...args, ...elsewhere], env: variable }, 'COUNTERSIGN_KEY_ENCRYPTION_KEY is set, too; keep one of them');
    await refuses(folder, { args, env: { COUNTERSIGN_KEY_ENCRYPTION_KEY: secret.slice(4) } }, 'COUNTERSIGN_KEY_ENCRYPTION_KEY is not 32 bytes in base64; set it to');
    const wrong = await countersign(['serve', ...args, '--key-encryption-key-file', other]);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /^error: data_dir \(--data-dir\): the secret was sealed under key-encryption key [0-9a-f]{16}, [^\n]+; give the key that this database was made with\n$/);
    await chmod(file, 0o640);
    await refuses(folder, { args: [...args, ...elsewhere] }, `key_encryption_key_file (--key-encryption-key-file): ${file} is open to other users (mode 0640): run chmod 600`);
    // What the service manager hands over by an access list shows as the group's.
    await (await serve([...args, ...elsewhere], { CREDENTIALS_DIRECTORY: folder })).stop();
  }));

test('development and production keep out of the folder of each other', () =>
  inFolder(async (folder) => {
    const [ofDev, ofServe] = ['dev', 'serve'].map((name) => join(folder, name));
    await (await dev(ofDev)).stop();
    await refuses(
      folder,
      { args: ['--listen', FREE, '--data-dir', ofDev] },
      `data_dir (--data-dir): ${ofDev} was made by \`countersign dev\`, and its keys are for development; choose a new folder`,
    );
    await (await serve(['--listen', FREE, '--data-dir', ofServe])).stop();
    const before = await contents(ofServe);
    const refused = await countersign(['dev', '--port', '0', '--data-dir', ofServe]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /holds a database that `countersign dev` did not make/);
    assert.deepEqual(await contents(ofServe), before);
  }));

test('the first start makes an operator key, and no other start does', () =>
  inFolder(async (folder) => {
    const file = join(folder, 'operator.key');
    const args = ['--data-dir', folder, '--listen', FREE];
    const first = await serve(args);
    const key = (await readFile(file, 'utf8')).trim();
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const applications = await call(first.ready.url, 'GET', '/v1/applications', { bearer: key });
    assert.deepEqual([applications.status, applications.body.applications], [200, []]);
    const ended = await first.stop();
    assert.equal(ended.code, 0, ended.stderr);
    assert.equal(ended.stdout, `${JSON.stringify(first.ready)}\n`);
    assert.match(ended.stderr, new RegExp(`operator key was written.*path=${file}\n`));
    assert.ok(!ended.stderr.includes(key));
    assert.match(ended.stderr, /INFO \S+: ready version="\d/);

    await rm(file);
    const second = await serve(args);
    assert.equal((await call(second.ready.url, 'GET', '/v1/applications', { bearer: key })).status, 200);
    const again = await second.stop();
    assert.doesNotMatch(again.stderr, /operator key was written/);
    assert.ok(!(await readdir(folder)).includes('operator.key'));
  }));

test('flag, variable and file are layers, doors are switched on by name', () =>
  inFolder(async (folder) => {
    const config = join(folder, 'countersign.toml');
    await writeFile(
      config,
      `listen = "192.0.2.1:1"\ndata_dir = "${join(folder, 'no')}"\n\n[doors]\nnexmo = "${FREE}"\nsinch = "0.0.0.0:0"\n`,
    );
    const { ready, stop } = await serve(['--data-dir', join(folder, 'data')], {
      COUNTERSIGN_CONFIG: config,
      COUNTERSIGN_LISTEN: FREE,
      COUNTERSIGN_DATA_DIR: join(folder, 'no'),
    });
    assert.deepEqual(Object.keys(ready), ['url', 'doors']);
    assert.deepEqual(Object.keys(ready.doors), ['nexmo', 'sinch']);
    const door = await call(ready.doors.nexmo, 'GET', '/v0.3/users');
    assert.deepEqual([door.status, door.body.code], [401, 'system:error:missing-token']);
    assert.equal((await call(ready.url, 'GET', '/healthz')).status, 200);
    const { stderr } = await stop();
    assert.match(stderr, /WARN .*TLS must be in front of it setting="doors.sinch \(.*countersign.toml:6\)" address=0.0.0.0:/);
    assert.equal(stderr.match(/WARN/g).length, 1, stderr);
    assert.deepEqual((await readdir(folder)).sort(), ['countersign.toml', 'data']);
  }));

test('without --json standard output stays quiet', () =>
  inFolder(async (folder) => {
    const child = spawn(binary, ['serve', '--data-dir', folder, '--listen', FREE]);
    const closed = once(child, 'close');
    let [answers, log] = ['', ''];
    child.stdout.on('data', (chunk) => (answers += chunk));
    const ready = new Promise((resolve) => {
      child.stderr.on('data', (chunk) => {
        log += chunk;
        if (log.includes(' ready ')) resolve();
      });
    });
    await Promise.race([ready, closed]);
    child.kill('SIGTERM');
    assert.deepEqual([...(await closed), answers], [0, null, ''], log);
  }));

/// A request whose head the server has read, and whose body it still waits for.
async function openRequest(url, bearer, body) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.setEncoding('utf8');
  const answered = new Promise((resolve) => {
    socket.on('data', (chunk) => {
      received += chunk;
      if (received.includes('100 Continue')) resolve();
    });
  });
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  socket.write(
    `POST /v1/applications HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${bearer}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\nexpect: 100-continue\r\n\r\n`,
  );
  await answered;
  return {
    async finish() {
      socket.write(body);
      await closed;
      return received;
    },
  };
}

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`${signal} lets an open request be answered, and lets no other in`, () =>
    inFolder(async (folder) => {
      const { ready, child, seen, gone } = await serve(['--data-dir', folder, '--listen', FREE]);
      const bearer = (await readFile(join(folder, 'operator.key'), 'utf8')).trim();
      const open = await openRequest(ready.url, bearer, '{"name":"late"}');
      child.kill(signal);
      await seen('stopping');
      const answer = await open.finish();
      assert.match(answer, /HTTP\/1.1 201 Created/);
      await assert.rejects(call(ready.url, 'GET', '/healthz'));
      assert.equal((await gone()).code, 0);
    }));
}

test('a second signal waits for nobody', () =>
  inFolder(async (folder) => {
    const { ready, child, seen, gone } = await serve(['--data-dir', folder, '--listen', FREE]);
    const bearer = (await readFile(join(folder, 'operator.key'), 'utf8')).trim();
    await openRequest(ready.url, bearer, '{"name":"never"}');
    child.kill('SIGTERM');
    await seen('stopping');
    child.kill('SIGINT');
    const { code, stderr } = await gone();
    assert.equal(code, 1);
    assert.match(stderr, /error: a second signal ended the server/);
  }));

test('users, sessions and keys outlive a restart', () =>
  inFolder(async (folder) => {
    const args = ['--data-dir', folder, '--listen', FREE];
    const first = await serve(args);
    const bearer = (await readFile(join(folder, 'operator.key'), 'utf8')).trim();
    const post = async (path, body, asker = bearer) => {
      const answer = await call(first.ready.url, 'POST', path, { bearer: asker, body });
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      return answer.body;
    };
    const { id } = await post('/v1/applications', { name: 'Shop' });
    const { secret } = await post(`/v1/applications/${id}/keys`, { algorithm: 'HS256' });
    const { key } = await post(`/v1/applications/${id}/api-keys`, { name: 'page', roles: ['tracking'] });
    const minted = await countersign([
      'token', 'mint', '--dialect', 'native', '--application-id', id, '--secret', secret, '--subject', '42',
    ]);
    assert.equal(minted.code, 0, minted.stderr);
    const login = await post('/v1/sessions', { credential: minted.stdout.trim() }, key);
    await post('/v1/conversations', { name: 'order' }, login.access_token);
    assert.equal((await first.stop()).code, 0);

    const second = await serve(args);
    const { url } = second.ready;
    const refreshed = await call(url, 'POST', '/v1/sessions/refresh', { body: { refresh_token: login.refresh_token } });
    assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body));
    assert.equal(refreshed.body.session.id, login.session.id);
    assert.equal(refreshed.body.user.external_id, '42');
    const { body } = await call(url, 'GET', '/v1/conversations', { bearer: refreshed.body.access_token });
    assert.deepEqual(body.conversations.map(({ name }) => name), ['order']);
    const settings = await call(url, 'GET', `/v1/applications/${id}/settings`, { bearer });
    assert.equal(settings.body.managed_users, false);
    await second.stop();
  }));
