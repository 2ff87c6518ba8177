// Five unmodified clients of three versions write into one conversation at once: each
// reads the same, in order, without holes or doubles, also when their transports drop.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { openDoor } from './support/nexmo/door.mjs';
import { inProcess, pointed, WHILE_AWAY } from './support/nexmo/person.mjs';
import { tap } from './support/nexmo/tap.mjs';
import { numbers, seed } from './support/seed.mjs';

const PACKAGES = ['nexmo-client', 'nexmo-client', 'nexmo-client', 'nexmo-client-9.1', 'nexmo-client-8.7'];
/// Texts of each in the quiet, and in the storm.
const TEXTS = { quiet: 10, storm: 25 };
/// How often a sender loses the transport before a text.
const DROPS = 0.15;

let door;

before(async () => {
  door = await openDoor();
});
after(() => door?.stop());

test(`five clients write at once (E2E_SEED=${seed})`, async (t) => {
  const people = await Promise.all(PACKAGES.map((name, index) => join(name, `writer-${index}-${randomUUID().slice(0, 8)}`)));
  t.after(async () => {
    for (const { client, wire } of people) {
      await client.dispose();
      await wire.close();
    }
  });
  const [host, ...others] = people;
  const { id: cid } = await host.client.does('newConversationAndJoin', {});
  for (const { client, who } of others) {
    await host.client.does('invite', cid, { user_name: who });
    await client.sees({ on: 'application', name: 'member:invited', event: { cid } });
    await client.does('join', cid);
  }
  const texts = ({ client }) => client.saw({ on: 'conversation', name: 'text', event: { cid } }).map(({ event }) => event);
  const write = async (person, phase, before) => {
    const sent = [];
    for (let number = 1; number <= TEXTS[phase]; number += 1) {
      await before(number);
      const text = `${phase} ${person.who} ${number}`;
      sent.push({ id: (await person.client.does('sendText', cid, text)).id, text });
    }
    return sent;
  };
  /// All that was sent has come to all.
  const level = async (sent) => {
    const last = Math.max(...sent.map(({ id }) => id));
    for (const { client } of people) await client.sees({ on: 'conversation', name: 'text', event: { cid, id: last } });
  };
  const holds = (sent) => {
    const expected = sent.toSorted((one, other) => one.id - other.id).map(({ id, text }) => `${id} ${text}`);
    assert.equal(new Set(sent.map(({ id }) => id)).size, sent.length, 'no number was given twice');
    for (const person of people) {
      const heard = texts(person).map(({ id, body }) => `${id} ${body.text}`);
      assert.deepEqual(heard, expected, `what ${person.who} heard`);
    }
  };

  const quiet = (await Promise.all(people.map((person) => write(person, 'quiet', () => {})))).flat();
  await t.test('in the quiet, without one range request', async () => {
    await level(quiet);
    holds(quiet);
    for (const { who, wire } of people) assert.deepEqual(wire.ranges(), [], `${who} believed to have missed something`);
  });

  let drops = 0;
  const storms = people.map((person, index) => {
    const chance = numbers(seed + index);
    let away = false;
    const back = async () => {
      if (away) await person.client.sees({ on: 'client', name: 'reconnect' });
      away = false;
    };
    return write(person, 'storm', async (number) => {
      // The last text is sent with nothing broken: it is what all wait for.
      if (number === TEXTS.storm) return back();
      if (chance() > DROPS) return undefined;
      await back();
      drops += 1;
      person.wire.drop();
      away = true;
      await person.client.sees({ on: 'client', name: 'disconnect', detail: 'ConnectionError' });
      // Half of them go on writing without a socket; the others wait for it.
      return chance() < 0.5 ? back() : undefined;
    });
  });
  const storm = (await Promise.all(storms)).flat();
  await t.test('in the storm', async () => {
    assert.ok(drops > 0, 'the seed drops something');
    await level(storm);
    holds([...quiet, ...storm]);
  });

  await t.test('what the door keeps is what was heard', async () => {
    const kept = [];
    let page = await host.client.does('getEvents', cid, { event_type: 'text', page_size: 50 });
    kept.push(...page.items);
    while (page.next) {
      page = await host.client.does('nextEvents');
      kept.push(...page.items);
    }
    assert.deepEqual(kept.map(({ id, body }) => `${id} ${body.text}`), texts(host).map(({ id, body }) => `${id} ${body.text}`));
  });

  await t.test('no SDK complains', async () => {
    // A mark of delivery has no number here, so it does not wait in the SDK's queue behind
    // the text that it is of, and is dropped where it comes first.
    for (const { client } of people) await client.leaves([], [...WHILE_AWAY, /NXMEvent not found/]);
  });
});

async function join(packageName, who) {
  await door.user(who);
  const wire = await tap(door.url);
  const client = await inProcess(who, packageName);
  await client.does('createSession', pointed(wire.url), door.token(who));
  return { who, wire, client };
}
