// The guides, followed by the letter: what they say to type is typed, and what they say
// will be seen is seen.
import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tokenGenerate } from '@vonage/jwt';
import { installed } from './support/backends.mjs';
import { openBrowser } from './support/browser.mjs';
import { binary, call, dev } from './support/countersign.mjs';
import { blocks, follower } from './support/guide.mjs';
import { CLIENT_ACL, openDoor } from './support/nexmo/door.mjs';
import { inProcess, pointed } from './support/nexmo/person.mjs';
import { withoutTls } from './support/nexmo/python.mjs';
import { openDoor as openKustomerDoor } from './support/kustomer/door.mjs';
import { openDoor as openSinchDoor } from './support/sinch/door.mjs';
import { SCRIPTS } from './support/sinch/page.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const FILES = ['js', 'python', 'html', 'ruby', 'php', 'go', 'java', 'xml'];

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

/// A folder in which somebody follows a guide with what the tests have installed, beside a
/// server that runs.
async function reader(door, more = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  await symlink(here('node_modules'), join(folder, 'node_modules'));
  const one = follower(folder, {
    COUNTERSIGN_URL: door.native,
    COUNTERSIGN_KEY: door.operator_key,
    PATH: [dirname(binary), here('.venv/bin'), process.env.PATH].join(delimiter),
    PYTHONUNBUFFERED: '1',
    ...more,
  });
  return { folder, one, leaves: () => rm(folder, { recursive: true }) };
}

/// Does what each block says. `moved` puts this run's addresses in the place of a guide's
/// fixed ones; `meets` is called with each block before, and with the addresses of pages so far,
/// and `lacks` says why one cannot be run, which leaves out what it would have said, too. The
/// answer has the site that the guide starts, and the addresses of its pages that were printed.
async function follow(t, text, one, moved, { meets = async () => {}, lacks = () => null } = {}) {
  const servers = [];
  const addresses = [];
  const served = (address) => address.replace(':8000/', `:${servers[0]?.said[1]}/`);
  let skip = null;
  t.after(async () => {
    for (const { stop } of servers) await stop();
  });
  for (const { line, language, code } of blocks(text)) {
    if (language !== 'text') skip = lacks(code);
    await t.test(`line ${line}: ${language}`, { skip: skip ?? false }, async () => {
      await meets(code, addresses.map(served));
      if (FILES.includes(language)) await one.write(moved(code));
      else if (language === 'text') one.shown(moved(code));
      else if (language === 'toml') await configures(one, code);
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
  return { addresses: addresses.map(served), page: (name) => served(`http://127.0.0.1:8000/${name}`) };
}

/// Holds a configuration to its keys: all that `serve` misses is what is a reader's own, and a
/// folder where it can keep something.
async function configures(one, code) {
  const [, file] = /_file = "(.+)"/.exec(code) ?? [null, 'countersign.toml'];
  await one.write(`# countersign.toml\n${code.replace(/"[\d.]+:\d+"/g, '"127.0.0.1:0"')}`);
  await one.run(`! COUNTERSIGN_DATA_DIR=countersign.toml countersign serve --config countersign.toml 2> refused.txt && grep -F '${file}' refused.txt`);
}

/// What pages complained of, but that nobody made them an icon.
const complained = (pages) => pages.flatMap(({ complaints }) => complaints.filter((one) => !/favicon/.test(one)));

test('docs/guides/nexmo.md', async (t) => {
  const text = await readFile(here('../docs/guides/nexmo.md'), 'utf8');
  const [, applicationId] = /APPLICATION_ID=(\S+)/.exec(text);
  const door = await openDoor();
  const { folder, one, leaves } = await reader(door);
  const key = () => readFile(join(folder, 'private.key'), 'utf8');
  const proxy = await withoutTls(folder, door.url);
  one.has({ REQUESTS_CA_BUNDLE: proxy.certificate });
  const browser = await openBrowser();
  let theirs;
  t.after(async () => {
    await browser.close();
    await proxy.stop();
    await door.stop();
    await theirs?.stop();
    await leaves();
  });
  /// The guide has fixed ports, a host behind TLS, and the host that users come from.
  const { port } = new URL(door.url);
  const moved = (code) =>
    code.replaceAll('7081', port).replaceAll('chat.example.com', proxy.host).replaceAll('https://api.nexmo.com', theirs?.url);
  const meets = async (code) => {
    if (!code.includes('https://api.nexmo.com')) return;
    const publicKey = createPublicKey(await key()).export({ type: 'spki', format: 'pem' });
    theirs = await elsewhere(applicationId, publicKey);
  };
  const { addresses } = await follow(t, text, one, moved, { meets });

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
    const [alice, bob, carol] = [
      await browser.visitor('alice', addresses[0]),
      await browser.visitor('bob', addresses[1]),
      await browser.visitor('carol', addresses[2]),
    ];
    await alice.shows('alice is here');
    await bob.shows('bob is here');
    await alice.evaluate(`document.querySelector('input').value = 'hello from alice'; document.querySelector('button').click()`);
    for (const page of [alice, bob]) {
      await page.shows('alice: hello from alice');
      await page.shows('carol: hello from today');
    }
    await carol.shows('message:text: hello from today');
    assert.deepEqual(complained([alice, bob, carol]), []);
    for (const { dispose } of [alice, bob, carol]) await dispose();
  });
});

test('docs/guides/sinch.md', async (t) => {
  const text = await readFile(here('../docs/guides/sinch.md'), 'utf8');
  const door = await openSinchDoor();
  const { folder, one, leaves } = await reader(door);
  const browser = await openBrowser({ certificate: door.application.sinch.tls_certificate_file });
  t.after(async () => {
    await browser.close();
    await door.stop();
    await leaves();
  });
  // What the reader's pages load today: the package has the SDK without what it stands on.
  await mkdir(join(folder, 'public'));
  const parts = await Promise.all(SCRIPTS.map((path) => readFile(path, 'utf8')));
  await writeFile(join(folder, 'public', 'sinch.min.js'), parts.join('\n;'));
  const { port } = new URL(door.url);
  const { addresses, page } = await follow(t, text, one, (code) => code.replaceAll('7083', port));
  const write = (visitor, fields) =>
    visitor.evaluate(`for (const [name, value] of Object.entries(${JSON.stringify(fields)})) document.forms[0].elements[name].value = value;
      document.querySelector('button').click()`);
  // What the SDK stands on asks its maker for the time when it is loaded.
  const complaints = (pages) => complained(pages).filter((one) => !one.includes('.pubnub.com/time/0'));

  await t.test('what one page writes, the others read', async () => {
    const [alice, bob, carol] = await Promise.all(addresses.map((address, index) => browser.visitor(`page ${index}`, address)));
    await Promise.all([alice.shows('alice is here'), bob.shows('bob is here'), carol.shows('carol is here')]);
    await write(alice, { to: 'bob,carol', text: 'hello from alice' });
    for (const visitor of [alice, bob, carol]) await visitor.shows('alice: hello from alice');
    for (const who of ['bob', 'carol']) await alice.shows(`delivered to ${who}`);
    await write(bob, { to: 'nobody', text: 'hello?' });
    await bob.shows('User does not exist');
    assert.deepEqual(complaints([alice, carol]), []);
    // The SDK writes to the console, too, what it refuses a page with.
    assert.match(complaints([bob]).join(), /^error: name: MXPError[^,]*, domain: 1, code: 2000/);
    for (const { dispose } of [alice, bob, carol]) await dispose();
  });

  await t.test('a user signs up, and logs in again elsewhere', async () => {
    const login = { username: 'dave', password: 'correct horse' };
    for (const where of ['at first', 'elsewhere']) {
      const dave = await browser.visitor(`dave, ${where}`, page('password.html'));
      await write(dave, login);
      await dave.shows('dave is here');
      await dave.dispose();
    }
    const eve = await browser.visitor('eve', page('password.html'));
    await write(eve, { ...login, password: 'battery staple' });
    await eve.shows('40003');
    await eve.dispose();
  });
});

test('docs/guides/kustomer.md', async (t) => {
  const text = await readFile(here('../docs/guides/kustomer.md'), 'utf8');
  const door = await openKustomerDoor();
  const { folder, one, leaves } = await reader(door);
  const browser = await openBrowser();
  t.after(async () => {
    await browser.close();
    await door.stop();
    await leaves();
  });
  await mkdir(join(folder, 'public'));
  const pusher = await readFile(here('node_modules/pusher-js/dist/web/pusher.min.js'));
  await writeFile(join(folder, 'public', 'pusher.min.js'), pusher);
  const { port } = new URL(door.url);
  const ask = (visitor, question) =>
    visitor.evaluate(`document.forms[0].text.value = ${JSON.stringify(question)}; document.querySelector('button').click()`);
  let alice;
  const opens = async (code, soFar) => {
    if (code !== 'node answer.mjs') return;
    alice = await browser.visitor('alice', soFar[0]);
    await alice.shows('alice@example.com is here');
    await ask(alice, 'Where is my order?');
    await alice.shows('me: Where is my order?');
  };
  const { addresses, page } = await follow(t, text, one, (code) => code.replaceAll('7082', port), { meets: opens });

  await t.test('the answer is on every device', async () => {
    await alice.shows('support: It is on its way.');
    const other = await browser.visitor('alice, elsewhere', addresses[0]);
    await other.shows('alice@example.com is here');
    for (const said of ['me: Where is my order?', 'support: It is on its way.']) await other.shows(said);
    await ask(other, 'Thank you!');
    for (const each of [alice, other]) await each.shows('me: Thank you!');
    await other.evaluate('location.reload()');
    await other.shows('alice@example.com is here');
    assert.deepEqual(complained([alice, other]), []);
    for (const { dispose } of [alice, other]) await dispose();
  });

  await t.test('what a visitor has asked is the customer’s who logs in there', async () => {
    const visitor = await browser.visitor('a visitor', page('chat.html'));
    await visitor.shows('a visitor is here');
    await ask(visitor, 'Are you open?');
    await visitor.shows('me: Are you open?');
    await visitor.evaluate(`location.hash = ${JSON.stringify(new URL(addresses[1]).hash)}`);
    await visitor.shows('bob@example.com is here');
    const other = await browser.visitor('bob, elsewhere', addresses[1]);
    for (const each of [visitor, other]) await each.shows('me: Are you open?');
    assert.deepEqual(complained([visitor, other]), []);
    for (const { dispose } of [visitor, other]) await dispose();
  });
});

test('docs/guides/quickstart.md', async (t) => {
  const text = await readFile(here('../docs/guides/quickstart.md'), 'utf8');
  const data = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  const { ready, stop } = await dev(data);
  const door = { native: ready.url, operator_key: ready.operator_key };
  const { folder, one, leaves } = await reader(door, { XDG_DATA_HOME: join(data, 'home'), NO_COLOR: '1' });
  t.after(async () => {
    const { stderr } = await stop();
    await leaves();
    await rm(data, { recursive: true });
    assert.doesNotMatch(stderr, /cs_(at|rt|sk|pk)_|eyJ|PRIVATE/, 'no token is in the log');
  });
  const lacks = await installed(folder);
  // What each backend has printed is judged by the server, and opens a session of its own.
  const credentials = [];
  const takes = async (code) => {
    const [credential] = /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/m.exec(one.said()) ?? [];
    if (/^eyJ|^…eyJ/.test(code) && credential) credentials.push(credential);
  };
  await follow(t, text, one, (code) => code, { meets: takes, lacks });

  await t.test('every credential logs the same user in, once', async () => {
    const { APPLICATION_ID, COUNTERSIGN_PUBLISHABLE_KEY: bearer } = await one.knows();
    assert.equal(new Set(credentials).size, lacks('php ') ? 5 : 6);
    const users = new Set();
    for (const credential of credentials) {
      const body = { credential, application_id: APPLICATION_ID };
      const answer = await call(ready.url, 'POST', '/v1/sessions', { bearer, body });
      assert.equal(answer.status, 201, JSON.stringify(answer.body));
      users.add(answer.body.user.id);
      const again = await call(ready.url, 'POST', '/v1/sessions', { bearer, body });
      assert.equal(again.body.code, 'credential_used');
    }
    assert.equal(users.size, 1);
  });
});

test('the guides name the versions that the tests have', async () => {
  const names = ['quickstart.md', 'nexmo.md', 'sinch.md', 'kustomer.md'];
  const guides = names.map((name) => readFile(here(`../docs/guides/${name}`), 'utf8'));
  const text = (await Promise.all(guides)).join('\n');
  const { devDependencies } = JSON.parse(await readFile(here('package.json'), 'utf8'));
  const requirements = await readFile(here('requirements.txt'), 'utf8');
  const installed = [...text.matchAll(/`npm install ([^`]+)`/g)].flatMap(([, packages]) => packages.split(' '));
  assert.ok(installed.length > 3);
  for (const one of installed) {
    const [name, version] = [one.slice(0, one.lastIndexOf('@')), one.slice(one.lastIndexOf('@') + 1)];
    assert.equal(devDependencies[name], version, one);
  }
  for (const [, packages] of text.matchAll(/`pip install ([^`]+)`/g)) {
    for (const one of packages.split(' ')) assert.ok(requirements.split('\n').includes(one), one);
  }
  const php = JSON.parse(await readFile(here('backends/php/composer.json'), 'utf8'));
  const [, name, version] = /`composer require ([^:`]+):([^`]+)`/.exec(text);
  assert.equal(php.require[name], version);
  const [, path, at] = /`go get ([^@`]+)@([^`]+)`/.exec(text);
  assert.ok((await readFile(here('backends/go/go.mod'), 'utf8')).includes(`require ${path} ${at}\n`));
});
