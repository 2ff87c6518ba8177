// The guides, followed by the letter: what they say to type is typed, and what they say
// will be seen is seen.
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tokenGenerate } from '@vonage/jwt';
import { openBrowser } from './support/browser.mjs';
import { binary, call } from './support/countersign.mjs';
import { blocks, follower } from './support/guide.mjs';
import { CLIENT_ACL, openDoor } from './support/nexmo/door.mjs';
import { inProcess, pointed } from './support/nexmo/person.mjs';
import { withoutTls } from './support/nexmo/python.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const FILES = ['js', 'python', 'html'];

/// The server that somebody's users come from: a door of ours stands for it, since it
/// understands the same. It gets the application's key, and a user.
async function elsewhere(applicationId, publicKey) {
  const door = await openDoor();
  const { operator_key: bearer, application } = door;
  const asks = async (method, path, body) => {
    const answer = await call(door.native, method, `/v1/applications/${application.id}${path}`, { bearer, body });
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
    return answer.body;
  };
  await asks('PATCH', '', { alias: applicationId });
  const { kid } = await asks('POST', '/keys', { algorithm: 'RS256', public_key_pem: publicKey });
  await asks('PATCH', `/keys/${kid}`, { state: 'current' });
  await door.user('dave', { display_name: 'Dave', properties: { custom_data: { tier: 'gold' } } });
  return door;
}

test('docs/guides/nexmo.md', async (t) => {
  const text = await readFile(here('../docs/guides/nexmo.md'), 'utf8');
  const [, applicationId] = /APPLICATION_ID=(\S+)/.exec(text);
  const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  const key = () => readFile(join(folder, 'private.key'), 'utf8');
  const door = await openDoor();
  const proxy = await withoutTls(folder, door.url);
  const browser = await openBrowser();
  const servers = [];
  let theirs;
  t.after(async () => {
    for (const { stop } of servers) await stop();
    await browser.close();
    await proxy.stop();
    await door.stop();
    await theirs?.stop();
    await rm(folder, { recursive: true });
  });
  // What the reader installs is what the tests have.
  await symlink(here('node_modules'), join(folder, 'node_modules'));
  const one = follower(folder, {
    COUNTERSIGN_URL: door.native,
    COUNTERSIGN_KEY: door.operator_key,
    PATH: [dirname(binary), here('.venv/bin'), process.env.PATH].join(delimiter),
    REQUESTS_CA_BUNDLE: proxy.certificate,
    PYTHONUNBUFFERED: '1',
  });
  /// The guide has fixed ports, a host behind TLS, and the host that users come from.
  const { port } = new URL(door.url);
  const moved = (code) =>
    code.replaceAll('7081', port).replaceAll('chat.example.com', proxy.host).replaceAll('https://api.nexmo.com', theirs?.url);
  const addresses = [];

  for (const { line, language, code } of blocks(text)) {
    await t.test(`line ${line}: ${language}`, async () => {
      if (code.includes('https://api.nexmo.com')) {
        const publicKey = createPublicKey(await key()).export({ type: 'spki', format: 'pem' });
        theirs = await elsewhere(applicationId, publicKey);
      }
      if (FILES.includes(language)) await one.write(moved(code));
      else if (language === 'text') one.shown(moved(code));
      else if (language !== 'sh') assert.fail('it would not be run');
      else if (code === 'countersign dev') assert.equal(servers.length, 0, 'it runs already');
      else if (code.startsWith('python3 -m http.server')) {
        servers.push(await one.start(code.replace('8000', '0'), /port (\d+)/));
      } else {
        await one.run(moved(code));
        addresses.push(...one.said().split('\n').filter((said) => said.startsWith('http://127.0.0.1:8000/')));
      }
    });
  }

  await t.test('users have moved with what belongs to them, or are made when they come', async () => {
    const token = tokenGenerate(applicationId, await key());
    const { body } = await door.rest('GET', '/v1/users?name=dave', { token });
    const [{ id }] = body._embedded.users;
    const dave = await door.rest('GET', `/v1/users/${id}`, { token });
    assert.deepEqual([dave.body.display_name, dave.body.properties], ['Dave', { custom_data: { tier: 'gold' } }]);

    const erin = await inProcess('erin');
    const { me } = await erin.does(
      'createSession', pointed(door.url), tokenGenerate(applicationId, await key(), { subject: 'erin', acl: CLIENT_ACL }),
    );
    assert.equal(me.name, 'erin');
    await erin.leaves();
  });

  await t.test('what one page writes, the others read', async () => {
    const [site] = servers;
    const open = (who, address) => browser.visitor(who, address.replace(':8000/', `:${site.said[1]}/`));
    const [alice, bob, carol] = [
      await open('alice', addresses[0]), await open('bob', addresses[1]), await open('carol', addresses[2]),
    ];
    await alice.shows('alice is here');
    await bob.shows('bob is here');
    await alice.evaluate(`document.querySelector('input').value = 'hello from alice'; document.querySelector('button').click()`);
    for (const page of [alice, bob]) {
      await page.shows('alice: hello from alice');
      await page.shows('carol: hello from today');
    }
    await carol.shows('message:text: hello from today');
    for (const { complaints, dispose } of [alice, bob, carol]) {
      assert.deepEqual(complaints.filter((complaint) => !/favicon/.test(complaint)), []);
      await dispose();
    }
  });
});

test('the guides name the versions that the tests have', async () => {
  const text = await readFile(here('../docs/guides/nexmo.md'), 'utf8');
  const { devDependencies } = JSON.parse(await readFile(here('package.json'), 'utf8'));
  const requirements = await readFile(here('requirements.txt'), 'utf8');
  const installed = [...text.matchAll(/`npm install ([^`]+)`/g)].flatMap(([, packages]) => packages.split(' '));
  assert.ok(installed.length > 3);
  for (const one of installed) {
    const [name, version] = [one.slice(0, one.lastIndexOf('@')), one.slice(one.lastIndexOf('@') + 1)];
    assert.equal(devDependencies[name], version, one);
  }
  for (const [, one] of text.matchAll(/`pip install ([^`]+)`/g)) {
    assert.ok(requirements.split('\n').includes(one), one);
  }
});
