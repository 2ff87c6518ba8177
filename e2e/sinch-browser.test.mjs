// The unmodified sinch-rtc in a page of headless Chromium, whose calls go to another origin.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openBrowser } from './support/browser.mjs';
import { openDoor } from './support/sinch/door.mjs';
import { pageOf } from './support/sinch/page.mjs';
import { pointed } from './support/sinch/person.mjs';

let door;
let browser;

before(async () => {
  door = await openDoor();
  browser = await openBrowser({ certificate: door.application.sinch.tls_certificate_file });
});

after(async () => {
  await browser?.close();
  await door?.stop();
});

const unique = (who) => `${who}-${randomUUID().slice(0, 8)}`;

/// A user in a page, who is told messages.
async function opened(name, how = { userTicket: door.ticket(name) }) {
  const page = await pageOf(browser, name);
  await page.does('make', pointed(door.url, door.key, { startActiveConnection: true }));
  const session = await page.does('start', how);
  return { ...page, name, session };
}

test('messages and receipts go between pages, and between a page and a process', async () => {
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((who) => opened(unique(who))));
  const carol = await door.listener(unique('carol'));
  // More than one frame holds.
  const long = 'Gr\u{fc}\u{df}e, \u{4e16}\u{754c} \u{1f600} '.repeat(200);
  const messageId = await alice.does('send', [bob.name, carol.name], long, 'headers');
  for (const who of [bob, carol]) {
    const got = await who.told('message');
    assert.equal(got.textBody, long);
    assert.equal(got.headers, 'headers');
    assert.equal(got.senderId, alice.name);
    await alice.told('delivered', { messageId, recipientId: who.name });
  }
  await carol.does('send', [alice.name, bob.name], 'back to the pages');
  for (const who of [alice, bob]) await who.told('message', { textBody: 'back to the pages' });
  // What the SDK stands on asks its maker for the time when it is loaded.
  const complaints = [...alice.complaints, ...bob.complaints].filter((one) => !one.includes('.pubnub.com/time/0'));
  assert.deepEqual(complaints, []);
  await Promise.all([alice, bob, carol].map((who) => who.leaves()));
});

test('a page that was closed is opened again with what it saved, and told what came meanwhile', async () => {
  const [alice, name] = [await door.listener(unique('alice')), unique('bob')];
  const before = await opened(name);
  await before.leaves();
  await alice.does('send', [name], 'while it was closed');
  const again = await opened(name, before.session);
  assert.deepEqual(again.session, before.session);
  assert.equal((await again.told('message')).textBody, 'while it was closed');
  assert.equal((await door.sessions(name)).length, 1);
  await Promise.all([alice, again].map((who) => who.leaves()));
});

test('a page whose session was ended is told so when it sends', async () => {
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((who) => opened(unique(who))));
  await alice.does('send', [bob.name], 'hello');
  const [{ id }] = await door.sessions(alice.name);
  await door.backend(204, 'DELETE', `/v1/sessions/${id}`);
  const refused = await alice.fails('send', [bob.name], 'still there?');
  assert.match(refused.message, /PubNub: Error sending frame/);
  await Promise.all([alice, bob].map((who) => who.leaves()));
});
