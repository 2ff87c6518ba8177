// Customers log in as the old chat clients do it: one token in a header, kept for weeks, and a
// login that the application's backend has signed.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { device } from './support/kustomer/device.mjs';
import { openDoor } from './support/kustomer/door.mjs';

let door;
const secrets = [];

before(async () => {
  // All that it can tell: no token may be in it.
  door = await openDoor(['--log-level', 'trace']);
});

after(() => door?.stop(secrets));

const unique = (who) => `${who}-${randomUUID().slice(0, 8)}`;
const make = (how) => device(door.url, { ...how, secrets });

test('a device is anonymous at first, and known after a login, also when it starts again', async () => {
  const who = unique('alice');
  const phone = make();
  await phone.start();
  assert.equal(phone.verified, false);
  const before = phone.token;
  const identity = await phone.logIn(await door.mint({ externalId: who }));
  assert.equal(identity.externalId, who);
  assert.equal(identity.verified, true);
  assert.notEqual(phone.token, before);
  await phone.start();
  assert.equal(phone.verified, true);
  assert.equal(phone.customerId, identity.customerId);

  const tablet = make();
  const there = await tablet.logIn(await door.mint({ externalId: who }));
  assert.equal(there.customerId, identity.customerId);
  assert.notEqual(there.trackingId, identity.trackingId);
  const { devices } = await door.at(200, 'GET', `/v1/devices?user_id=${identity.customerId}`);
  assert.deepEqual(devices.map(({ name }) => name), Array(2).fill('customer-ios release-v0.3.14'));
});

test('a client that asks for its token after the login is handed the new one', async () => {
  const phone = make({ readsAnswer: false });
  await phone.start();
  const before = phone.token;
  await phone.logIn(await door.mint({ externalId: unique('alice') }));
  assert.equal(phone.token, before, 'it has not looked into the answer');
  await phone.start();
  assert.equal(phone.verified, true);
  await phone.describe({ custom: { seenStr: 'yes' } });
  assert.deepEqual(await phone.refused(before, 'PATCH', '/c/v1/customers/current', {}), [401, 'session_ended']);
});

test('a client that keeps its token in memory needs the setting, and has it', async () => {
  const path = `/v1/applications/${door.application.id}/settings`;
  await door.at(200, 'PATCH', path, { body: { kustomer_keep_token: true } });
  const phone = make({ readsAnswer: false });
  await phone.start();
  const before = phone.token;
  const { customerId } = await phone.logIn(await door.mint({ externalId: unique('alice') }));
  assert.equal((await phone.describe({ custom: { seenStr: 'yes' } })).id, customerId);
  assert.equal(phone.token, before);
  await door.at(200, 'PATCH', path, { body: { kustomer_keep_token: null } });
  assert.deepEqual(await phone.refused(before, 'PATCH', '/c/v1/customers/current', {}), [401, 'session_ended']);
});

test('another customer on the same device: refused, or after a logout', async () => {
  const phone = make();
  await phone.start();
  const alice = await phone.logIn(await door.mint({ email: `${unique('alice')}@example.com` }));
  const bob = await door.mint({ externalId: unique('bob') });
  assert.deepEqual(await phone.refused(phone.token, 'POST', '/c/v1/identity', { externalToken: bob }), [409, 'already_identified']);
  await phone.start();
  assert.equal(phone.customerId, alice.customerId, 'nothing has changed');
  const old = phone.token;
  await phone.logOut();
  assert.equal(phone.verified, false);
  assert.deepEqual(await phone.refused(old, 'PATCH', '/c/v1/customers/current', {}), [401, 'session_ended']);
  const { customerId } = await phone.logIn(bob);
  assert.notEqual(customerId, alice.customerId);
});

test('a device that comes from the vendor with its token begins anew', async () => {
  const phone = make();
  phone.token = 'eyJhbGciOiJIUzI1NiJ9.eyJpZCI6IjVhNjFjMzVhYWQ0OTJkMDAxMDZlNDUxNyJ9.AAAA';
  await phone.start();
  assert.equal(phone.verified, false);
  await phone.logIn(await door.mint({ externalId: unique('alice') }));
});

test('an identity outlives a restart of the server', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  const first = await openDoor([], folder);
  const phone = device(first.url, { secrets });
  await phone.start();
  const { customerId } = await phone.logIn(await first.mint({ externalId: unique('alice') }));
  await first.stop(secrets, { leave: true });
  const second = await openDoor([], folder);
  const again = device(second.url, { secrets });
  again.token = phone.token;
  await again.start();
  assert.equal(again.customerId, customerId);
  await second.stop(secrets, { leave: true });
  await rm(folder, { recursive: true });
});
