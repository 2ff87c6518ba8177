// A load: people who talk by socket and by HTTP, devices that listen, and guests
// who come, stay or are sent away. What they see is written down for the checker.
import { device } from './device.mjs';
import { comeAndGo } from './guest.mjs';
import { DEADLINE_MS, deferred, inTime } from './place.mjs';

/// Events that a person who talks by socket has on their way at once.
const AT_ONCE = 3;
/// Guests who come and go at the same time.
const GUESTS = 2;
/// A text is at most so long: a few of them fill a page of the database.
const TEXT_MAX = 400;
/// Entries of a page of history.
const PAGE = 100;

/// Starts the load of these people.
/// `random()` is a number from 0 to 1.
export function load(place, shop, random) {
  const observations = { attempts: [], acknowledged: [], seen: [], sessions: [], refused: [] };
  const attempts = new Map();
  const devices = [];
  const talks = [];
  let stopping = false;
  let most = Infinity;
  let changed = deferred();
  /// What callers wait for who were refused; nothing, unless they are held up.
  let turn = null;
  /// The first error of the load itself.
  const broken = deferred();
  broken.promise.catch(() => {});

  const note = (list, entry) => {
    list.push(entry);
    changed.resolve();
    changed = deferred();
    return entry;
  };
  const pick = (list) => list[Math.floor(random() * list.length)];
  const begin = (task) => talks.push(task.catch(broken.reject));

  /// Waits until something holds of what was observed.
  const reached = (what, holds, within) => {
    const wait = async () => {
      while (!holds()) await changed.promise;
    };
    return inTime(what, Promise.race([wait(), broken.promise]), within);
  };

  /// What was refused may be asked again, and does not keep its order then.
  const refused = (code, client_id) => {
    if (code !== 'unavailable') return null;
    if (attempts.has(client_id)) attempts.get(client_id).ordered = false;
    note(observations.refused, { by: 'socket', code });
    return turn?.promise ?? Promise.resolve();
  };
  /// A call that is made until it is answered with something else than a 503.
  const ask = async (method, path, options) => {
    for (const since = Date.now(); ; ) {
      const answer = await place.insist(method, path, options);
      if (answer.status !== 503) return answer;
      if (Date.now() - since > DEADLINE_MS) throw new Error(`${method} ${path} is refused for too long`);
      if (attempts.has(options.body?.client_id)) attempts.get(options.body.client_id).ordered = false;
      note(observations.refused, { by: 'http', code: answer.body?.code, type: answer.headers.get('content-type') });
      await turn?.promise;
    }
  };

  const connect = (token, told = () => {}) => device({ place, token, told, refused });
  const follow = (listener, token) => {
    const one = connect(token, (conversation, event) => note(observations.seen, { listener, conversation, event }));
    one.closed.then((code) => {
      if (code) broken.reject(new Error(`${listener} was closed with ${code}`));
    }, broken.reject);
    devices.push(one);
    return one;
  };

  /// Sends one event after the other by `send(conversation, event)`.
  const talk = async (sender, sequences, send) => {
    while (!stopping) {
      if (observations.acknowledged.length >= most) {
        await changed.promise;
        continue;
      }
      const sequence = (sequences.last += 1);
      const client_id = `${sender}-${sequence}`;
      const conversation = pick(shop.conversations);
      const text = `${client_id} ${'.'.repeat(Math.floor(random() * TEXT_MAX))}`;
      attempts.set(client_id, note(observations.attempts, { conversation, sender, sequence, text, ordered: true }));
      const event = await send(conversation, { type: 'text', body: { text }, client_id });
      note(observations.acknowledged, { conversation, event });
    }
  };
  const talkBySocket = async (sender, one) => {
    const sequences = { last: 0 };
    await Promise.all(Array.from({ length: AT_ONCE }, () => talk(sender, sequences, one.send)));
  };
  const talkByHttp = (sender, bearer) =>
    talk(sender, { last: 0 }, async (conversation, event) => {
      const { status, body } = await ask('POST', `/v1/conversations/${conversation}/events`, { bearer, body: event });
      if (status !== 201 && status !== 200) throw new Error(`${sender} was answered ${status} ${body.code}`);
      return body;
    });

  for (const { name, talks, listens, tokens } of shop.people) {
    if (talks === 'socket') begin(talkBySocket(name, follow(`${name}, first device`, tokens[0])));
    else begin(talkByHttp(name, tokens[0]));
    if (listens) follow(`${name}, second device`, tokens[1]);
  }
  begin(talkByHttp('backend', shop.backend));
  const guests = { shop, ask, connect, random, pick, stopping: () => stopping };
  const noteSession = (session) => note(observations.sessions, session);
  for (let number = 1; number <= GUESTS; number += 1) begin(comeAndGo(guests, `guest-${number}`, noteSession));

  /// Everything that is there now, by conversation.
  const histories = async () => {
    const all = {};
    for (const conversation of shop.conversations) {
      const events = (all[conversation] = []);
      for (let page = null; page === null || page.length === PAGE; events.push(...page)) {
        const path = `/v1/conversations/${conversation}/events?after=${events.at(-1)?.id ?? 0}&limit=${PAGE}`;
        const { status, body } = await ask('GET', path, { bearer: shop.backend });
        if (status !== 200) throw new Error(`the history is answered with ${status}`);
        page = body.events;
      }
    }
    return all;
  };

  return {
    observations,
    reached,
    ask,
    histories,
    /// How often each device has connected.
    connections: () => devices.map((one) => one.connections()),
    /// People pause once so many events were acknowledged.
    pauseAt(acknowledged) {
      most = acknowledged;
      changed.resolve();
      changed = deferred();
    },
    /// Whoever was refused asks again; from now on who is refused waits for the next turn.
    nextTurn() {
      const waited = turn;
      turn = deferred();
      waited?.resolve();
    },
    /// From now on nobody waits.
    goOn() {
      turn?.resolve();
      turn = null;
    },
    /// Begins nothing new, and waits until what was begun has an answer and every
    /// device was told everything. Answers the histories.
    async settle() {
      stopping = true;
      this.pauseAt(Infinity);
      await inTime('answers for what was begun', Promise.race([Promise.all(talks), broken.promise]));
      const all = await histories();
      const complete = (one) => shop.conversations.every((id) => one.has(id) === all[id].length);
      await reached('every device has everything', () => devices.every(complete));
      for (const one of devices) one.stop();
      return all;
    },
  };
}
