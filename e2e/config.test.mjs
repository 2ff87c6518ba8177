// `countersign config`: what serve would refuse, what it is told, and a file to begin with.
import assert from 'node:assert/strict';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { countersign, dev, serve } from './support/countersign.mjs';
import { contents, inFolder } from './support/folder.mjs';
import { certificate } from './support/tls.mjs';

const FREE = '127.0.0.1:0';

/// What `config check` and `serve` both refuse, in the same sentence, with exit code 2, and without
/// touching anything.
async function refuses(folder, args, sentence, env) {
  const before = await contents(folder);
  const checked = await countersign(['config', 'check', ...args], '', env);
  assert.deepEqual([checked.code, checked.stdout], [2, ''], checked.stderr);
  assert.match(checked.stderr, /^error: [^\n]+\n$/);
  assert.ok(checked.stderr.includes(sentence), `${checked.stderr} lacks ${sentence}`);
  const object = await countersign(['config', 'check', '--json', ...args], '', env);
  assert.deepEqual([object.code, object.stderr], [2, '']);
  assert.deepEqual(JSON.parse(object.stdout), { accepted: false, detail: checked.stderr.slice('error: '.length, -1) });
  const served = await countersign(['serve', ...args], '', env);
  assert.deepEqual([served.code, served.stdout, served.stderr], [2, '', checked.stderr]);
  assert.deepEqual(await contents(folder), before);
}

test('what serve refuses is told, and nothing is touched', () =>
  inFolder(async (folder) => {
    const [config, data, none] = ['countersign.toml', 'data', 'none'].map((name) => join(folder, name));
    const { file, key } = await certificate(folder, 'own');
    const other = await certificate(folder, 'other');
    const open = join(folder, 'open.pem');
    await writeFile(open, await readFile(key));
    await chmod(open, 0o644);
    const flags = ['--listen', FREE, '--data-dir', data];
    const shown = (certificate, key) => ['--tls-certificate-file', certificate, '--tls-key-file', key];
    for (const [args, sentence] of [
      [['--config', none], `cannot read the configuration file ${none} (--config): No such file`],
      [['--listen', '80', '--data-dir', data], 'listen (--listen) is "80", which is no address; write'],
      [[...flags, '--trusted-proxies', '10.0.0.0/99'], 'trusted_proxies (--trusted-proxies) is "10.0.0.0/99"; write the IP addresses or networks'],
      [[...flags, ...shown(none, key)], `tls.certificate_file (--tls-certificate-file) is ${none}, which cannot be read: No such file`],
      [[...flags, ...shown(file, other.key)], `is ${file}, with the key ${other.key}: the certificate and the key cannot be used together`],
      [[...flags, ...shown(file, open)], `tls.key_file (--tls-key-file) is ${open}, which is open to other users (mode 0644): run chmod 600 ${open}, or`],
      [[...flags, '--key-encryption-key-file', none], `key_encryption_key_file (--key-encryption-key-file): cannot read the key file ${none}: No such file`],
      [[...flags, '--key-encryption-key-file', key], `${key} does not hold exactly 32 bytes, so it is not a key-encryption key`],
      [['--listen', FREE, '--data-dir', file], `data_dir (--data-dir): cannot use the data folder ${file}: not a directory`],
    ]) {
      await refuses(folder, args, sentence);
    }
    for (const [text, sentence] of [
      ['lisen = ""', ':1: there is no key "lisen"; did you mean "listen"?'],
      ['[tls]\ncertificate = ""', ':2: there is no key "tls.certificate"; remove it: the keys are listen, '],
      ['\n[doors]\nnexmo = 7081', ':3: doors.nexmo is an integer, and a text is wanted; write it in quotes'],
      ['tls = true', ':1: tls is true or false, and a table is wanted; write [tls] and its keys below'],
    ]) {
      await writeFile(config, text);
      await refuses(folder, ['--config', config], `${config}${sentence}`);
    }
    await refuses(folder, flags, 'COUNTERSIGN_KEY_ENCRYPTION_KY is no variable that is read; did you mean COUNTERSIGN_KEY_ENCRYPTION_KEY?', {
      COUNTERSIGN_KEY_ENCRYPTION_KY: 'x',
    });
  }));

test('a folder is looked at as a start would find it', () =>
  inFolder(async (folder) => {
    const [data, ofDev] = ['data', 'dev'].map((name) => join(folder, name));
    const args = ['--listen', FREE, '--data-dir', data];
    const accepted = async () => {
      const { code, stdout, stderr } = await countersign(['config', 'check', ...args]);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^serve would start with this configuration/);
    };
    await accepted();
    assert.deepEqual(await contents(folder), {});
    const server = await serve(args);
    // Beside a server that runs, too: whoever asks is about to restart it.
    await accepted();
    await server.stop();
    const before = await contents(folder);
    await accepted();
    assert.deepEqual(await contents(folder), before);

    const database = join(data, 'countersign.db');
    const good = await readFile(database);
    const newer = Buffer.from(good);
    newer.writeUInt32BE(good.readUInt32BE(60) + 1, 60);
    await writeFile(database, newer);
    const { code, stderr } = await countersign(['config', 'check', ...args]);
    assert.equal(code, 2);
    assert.match(stderr, /^error: data_dir \(--data-dir\): the database has schema \d+, and this program knows up to \d+: run the newer program\n$/);
    await writeFile(database, good);
    const key = join(data, 'key-encryption-key');
    await chmod(key, 0o604);
    await refuses(folder, args, `data_dir (--data-dir): ${key} is open to other users (mode 0604): run chmod 600`);
    await (await dev(ofDev)).stop();
    await refuses(folder, ['--listen', FREE, '--data-dir', ofDev], `${ofDev} was made by \`countersign dev\``);
  }));

test('what is told is shown with who told it, but for the secret', () =>
  inFolder(async (folder) => {
    const config = join(folder, 'countersign.toml');
    await writeFile(config, 'log_level = "loud"\n[doors]\nnexmo = "127.0.0.1:1"\n');
    const secret = 'c2VjcmV0';
    const env = { COUNTERSIGN_DATA_DIR: '/srv/chat', COUNTERSIGN_KEY_ENCRYPTION_KEY: secret };
    const args = ['config', 'show', '--config', config, '--listen', '127.0.0.1:2'];
    const { code, stdout } = await countersign([...args, '--json'], '', env);
    assert.equal(code, 0);
    const { file, settings } = JSON.parse(stdout);
    assert.equal(file, config);
    const of = (key) => settings.find((setting) => setting.key === key);
    assert.deepEqual(of('listen'), { key: 'listen', value: '127.0.0.1:2', from: 'flag', place: '--listen' });
    assert.deepEqual(of('data_dir'), { key: 'data_dir', value: '/srv/chat', from: 'variable', place: 'COUNTERSIGN_DATA_DIR' });
    assert.deepEqual(of('doors.nexmo'), { key: 'doors.nexmo', value: '127.0.0.1:1', from: 'file', place: `${config}:3` });
    assert.deepEqual(of('doors.sinch'), { key: 'doors.sinch', value: null, from: 'default', place: null });
    assert.deepEqual(of('key_encryption_key'), {
      key: 'key_encryption_key', value: null, from: 'variable', place: 'COUNTERSIGN_KEY_ENCRYPTION_KEY',
    });
    const table = await countersign(args, '', env);
    assert.match(table.stdout, new RegExp(`^configuration file: ${config} \\(--config\\)\n\nlisten +127.0.0.1:2 +--listen\n`));
    assert.match(table.stdout, /\nkey_encryption_key +\(a secret\) +COUNTERSIGN_KEY_ENCRYPTION_KEY\n$/);
    for (const said of [stdout, table.stdout]) assert.ok(!said.includes(secret));
  }));

test('the file to begin with is accepted, and every key in it can be made to count', () =>
  inFolder(async (folder) => {
    const config = join(folder, 'countersign.toml');
    const { stdout, code } = await countersign(['config', 'default']);
    assert.equal(code, 0);
    await writeFile(config, stdout);
    const args = ['--config', config, '--data-dir', join(folder, 'data')];
    assert.equal((await countersign(['config', 'check', ...args])).code, 0);
    const count = async (from) => {
      const shown = await countersign(['config', 'show', '--json', '--config', config]);
      return JSON.parse(shown.stdout).settings.filter((setting) => setting.from === from).length;
    };
    const { settings } = JSON.parse((await countersign(['config', 'default', '--json'])).stdout);
    assert.equal(await count('default'), settings.length);
    await writeFile(config, stdout.replaceAll(/^#(?=\w)/gm, ''));
    assert.equal(await count('file'), settings.length);
  }));
