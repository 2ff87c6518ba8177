// What no SDK sends: each is answered with an error or a close, and two who chat
// meanwhile do not notice.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { deferred, inTime } from './support/place.mjs';
import { openDoor } from './support/nexmo/door.mjs';
import { inProcess, pointed } from './support/nexmo/person.mjs';

/// More than any packet may have.
const HUGE = 2 ** 20;
/// Packets at once, of one socket.
const FLOOD = 2_000;

let door;
let innocent;
let cid;
let mallory;

before(async () => {
  // All that it can tell: no token may be in it.
  door = await openDoor(['--log-level', 'trace']);
  innocent = [];
  for (const name of ['rosa', 'sam']) {
    const who = `${name}-${randomUUID().slice(0, 8)}`;
    await door.user(who);
    const client = await inProcess(who);
    await client.does('createSession', pointed(door.url), door.token(who));
    innocent.push(client);
  }
  const [rosa, sam] = innocent;
  cid = (await rosa.does('newConversationAndJoin', {})).id;
  await rosa.does('invite', cid, { user_name: sam.who });
  await sam.sees({ on: 'application', name: 'member:invited' });
  await sam.does('join', cid);
  mallory = `mallory-${randomUUID().slice(0, 8)}`;
  await door.user(mallory);
});

after(() => door?.stop());

/// The two chat, and neither has lost the socket.
async function unnoticed(what) {
  const [rosa, sam] = innocent;
  const { id } = await rosa.does('sendText', cid, what);
  await sam.sees({ on: 'conversation', name: 'text', event: { id, body: { text: what } } });
  for (const client of innocent) assert.deepEqual(client.saw({ on: 'client', name: 'disconnect' }), [], `${client.who}, ${what}`);
}

/// A socket of the engine, spoken to by hand: {send, hears, closed}.
async function raw(query) {
  const socket = new WebSocket(`${door.url.replace('http', 'ws')}/v2/rtc/?${query}`);
  const heard = [];
  const closed = deferred();
  let look = () => {};
  socket.on('message', (data) => {
    heard.push(String(data));
    look();
  });
  socket.on('error', () => {});
  socket.on('close', (code) => closed.resolve({ code }));
  const hears = (pattern) => {
    const found = deferred();
    look = () => {
      const one = heard.find((packet) => pattern.test(packet));
      if (one) found.resolve({ packet: one });
    };
    look();
    return found.promise;
  };
  await inTime('the engine opens', Promise.race([hears(/^0/), closed.promise]));
  return { socket, send: (data) => socket.send(data), hears, closed: closed.promise };
}

/// A socket of a user who is logged in.
async function loggedIn(engine) {
  const one = await raw(`token=${door.token(mallory)}&EIO=${engine}&transport=websocket`);
  if (engine === 4) one.send('40');
  await inTime('a login', one.hears(/^42\["session:success"/));
  return one;
}

const LOGOUT = '42["session:logout",{"body":{},"tid":"bye"}]';

const packets = {
  'nothing': '',
  'an unknown packet': '9',
  'text': 'hello',
  'an engine’s open': '0{"sid":"x"}',
  'an upgrade': '5',
  'a probe': '2probe',
  'a packet of no type': '4',
  'a packet of an unknown type': '49',
  'a second connect': '40',
  'another namespace': '40/admin,',
  'an event in another namespace': '42/admin,["session:logout",{"tid":"x"}]',
  'an event without JSON': '42',
  'half of an event': '42["session:logout"',
  'an event that is no list': '42{"session:logout":1}',
  'an event without a name': '42[]',
  'an event whose name is a number': '42[1,{}]',
  'an event without a payload': '42["session:logout"]',
  'a payload that is null': '42["session:logout",null]',
  'a payload that is text': '42["session:logout","x"]',
  'an event that nobody knows': '42["text",{"tid":"x","body":{"text":"hi"}}]',
  'an event of the server': '42["session:success",{"body":{"id":"SES-x"}}]',
  'a name without end': `42["${'x'.repeat(5_000)}",{}]`,
  'depth': `42["x",${'['.repeat(5_000)}${']'.repeat(5_000)}]`,
  'a stray acknowledgement': '43999[]',
  'an acknowledgement beyond all numbers': `43${'9'.repeat(40)}[]`,
  'an event with attachments': '451-["x",{"_placeholder":true,"num":0}]',
  'attachments without end': '4599999999999-["x"]',
  'bytes': Buffer.from([0, 159, 146, 150]),
  'a lone surrogate': '42["\\ud800",{}]',
  'more than a packet may have': `42["x","${'y'.repeat(HUGE)}"]`,
};

for (const engine of [4, 3]) {
  test(`EIO=${engine}: packets that no SDK sends`, async () => {
    for (const [what, packet] of Object.entries(packets)) {
      const one = await loggedIn(engine);
      one.send(packet);
      one.send(LOGOUT);
      // It is closed, or goes on and can log out.
      await inTime(`an end after ${what}`, Promise.race([one.closed, one.hears(/^42\["session:logged-out"/)]));
      one.socket.terminate();
    }
    await unnoticed(`after packets of EIO=${engine}`);
  });

  test(`EIO=${engine}: a flood`, async () => {
    const one = await loggedIn(engine);
    for (let number = 0; number < FLOOD; number += 1) one.send(`42["nobody:knows",{"tid":"${number}"}]`);
    one.send(LOGOUT);
    await inTime('an end of the flood', Promise.race([one.closed, one.hears(/^42\["session:logged-out"/)]));
    await unnoticed(`after a flood of EIO=${engine}`);
  });
}

test('who never connects to the namespace is let go, and is told nothing', async () => {
  const one = await raw(`token=${door.token(mallory)}&EIO=4&transport=websocket`);
  one.send(LOGOUT);
  await inTime('an end', one.closed);
});

test('handshakes that no SDK makes', async () => {
  const token = door.token(mallory);
  for (const [what, query] of [
    ['no engine', `token=${token}&transport=websocket`],
    ['an engine of the future', `token=${token}&EIO=5&transport=websocket`],
    ['an engine of no number', `token=${token}&EIO=x&transport=websocket`],
    ['polling', `token=${token}&EIO=4&transport=polling`],
    ['two tokens', `token=${token}&token=${token}&EIO=4&transport=websocket`],
    ['a session that is none', `session_id=%00&token=${token}&EIO=4&transport=websocket`],
    ['a token of megabytes', `token=${'a'.repeat(HUGE)}&EIO=4&transport=websocket`],
  ]) {
    const socket = new WebSocket(`${door.url.replace('http', 'ws')}/v2/rtc/?${query}`);
    const answered = new Promise((resolve) => {
      socket.on('unexpected-response', (_, { statusCode }) => resolve(statusCode));
      socket.on('open', () => resolve('open'));
      socket.on('error', () => resolve('error'));
    });
    const answer = await inTime(what, answered);
    assert.ok(answer === 'open' || answer === 'error' || (answer >= 400 && answer < 500), `${what}: ${answer}`);
    socket.on('error', () => {});
    socket.terminate();
  }
  await unnoticed('after handshakes');
});

test('an upload that is not taken is answered, whatever is still on its way', async () => {
  const png = Buffer.from('89504e470d0a1a0a', 'hex');
  const picture = (size) => Buffer.concat([png, Buffer.alloc(size - png.length)]);
  const upload = async (bearer, ...files) => {
    const form = new FormData();
    for (const file of files) form.append('file', new Blob([file], { type: 'image/png' }), 'picture.png');
    const headers = { authorization: `Bearer ${bearer}` };
    const answer = await fetch(`${door.url}/v1/image`, { method: 'POST', headers, body: form });
    return [answer.status, (await answer.json()).code];
  };
  const token = door.token(mallory);
  const invalid = 'http:error:validation-fail';
  for (const [what, answer, expected] of [
    ['the largest', () => upload(token, picture(5 * 2 ** 20)), [200, undefined]],
    ['one byte more', () => upload(token, picture(5 * 2 ** 20 + 1)), [413, invalid]],
    ['far too large', () => upload(token, picture(7 * 2 ** 20)), [413, invalid]],
    ['two of them', () => upload(token, picture(100), picture(4 * 2 ** 20)), [400, invalid]],
    ['none', () => upload(token), [400, invalid]],
    ['a page', () => upload(token, Buffer.from('<!doctype html><script>alert(1)</script>')), [415, 'http:error:unsupported-media-type']],
    ['nobody’s', () => upload('x.y.z', picture(4 * 2 ** 20)), [401, 'system:error:invalid-token']],
  ]) {
    assert.deepEqual(await inTime(what, answer()), expected, what);
  }
  await unnoticed('after uploads');
});

test('a session belongs to its user: another gets one of their own', async () => {
  const theirs = await innocent[0].does('session');
  const one = await raw(`session_id=${theirs}&token=${door.token(mallory)}&EIO=4&transport=websocket`);
  one.send('40');
  const { packet } = await inTime('a login', one.hears(/^42\[/));
  const [name, { body }] = JSON.parse(packet.slice(2));
  assert.equal(name, 'session:success', packet);
  assert.notEqual(body.id, theirs);
  assert.equal(body.name, mallory);
  one.socket.terminate();
  await unnoticed('after a foreign session');
});

test('what is written in the socket’s path reaches no REST, and the other way round', async () => {
  for (const [method, path] of [['POST', '/v2/rtc/'], ['GET', '/v2/rtc'], ['GET', '/v2/rtc/x'], ['DELETE', '/v2/rtc/metrics']]) {
    const { status } = await fetch(`${door.url}${path}`, { method });
    assert.ok(status >= 400 && status < 500, `${method} ${path}: ${status}`);
  }
});

test('the two who chatted have nothing to complain of', async () => {
  for (const client of innocent) await client.leaves();
});
