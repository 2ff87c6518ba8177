// The checker: compares what clients saw with what is there, and says what is
// wrong. It is told everything and asks nobody, so that its own test can tell it
// what must never happen.
//
// Observations are plain lists:
//   attempts      {conversation, sender, sequence, text, ordered}   what was ever sent, each with a text of its own;
//                 `ordered` where the sender's earlier events must come before it
//   acknowledged  {conversation, event}                       what was answered to who sent it
//   seen          {listener, conversation, event}             what a device was told, in the order in which it was
//   sessions      {id, user, revoked, read, refreshed, listed, closed}   `revoked` is no, asked (and not answered) or
//                 answered; `read` and `refreshed` are statuses, with code where they are refusals; `listed` the user's
//                 sessions; `closed` the close code of its socket, where it had one. What was not looked at is absent.
// Histories are {conversation: [event]}, read after all of that.

/// What is wrong, a sentence each; none, where everything is right. `before` are
/// histories that were read earlier: nothing of them may have changed.
export function faults(observations, histories, before = {}) {
  const all = [];
  for (const [conversation, history] of Object.entries(histories)) {
    all.push(...ofNumbers(conversation, history));
    all.push(...ofOrigins(conversation, history, observations.attempts));
    for (const event of before[conversation] ?? []) {
      all.push(...ofEvent('read earlier', conversation, event, history));
    }
  }
  for (const { conversation, event } of observations.acknowledged) {
    all.push(...ofEvent('acknowledged', conversation, event, histories[conversation] ?? []));
  }
  all.push(...ofListeners(observations.seen, histories));
  for (const session of observations.sessions) all.push(...ofSession(session));
  return all;
}

/// Numbers are 1, 2, 3 … without holes.
function ofNumbers(conversation, history) {
  const wrong = history.findIndex(({ id }, index) => id !== index + 1);
  if (wrong < 0) return [];
  return [`numbers: ${conversation} has ${history[wrong].id} where ${wrong + 1} belongs`];
}

/// Whatever a client sent is there once, and nothing is there that nobody sent.
function ofOrigins(conversation, history, attempts) {
  const all = [];
  const sent = new Map();
  for (const attempt of attempts) {
    if (attempt.conversation === conversation) sent.set(attempt.text, attempt);
  }
  const found = new Map();
  const last = new Map();
  for (const event of history) {
    if (event.type.startsWith('member:')) continue;
    const where = `${conversation} ${event.id}`;
    const attempt = sent.get(event.body.text);
    if (!attempt) {
      all.push(`invented: nobody sent ${where}`);
      continue;
    }
    const { text, sender, sequence, ordered } = attempt;
    if (found.has(text)) all.push(`doubled: ${where} is ${found.get(text)} once more`);
    found.set(text, event.id);
    if (ordered && sequence < (last.get(sender) ?? 0)) {
      all.push(`order: ${where} of ${sender} comes after a later one`);
    }
    last.set(sender, Math.max(sequence, last.get(sender) ?? 0));
  }
  return all;
}

/// An event that somebody was told of is there, under its number, as it was told.
function ofEvent(told, conversation, event, history) {
  const where = `${conversation} ${event.id}`;
  const found = history[event.id - 1];
  if (!found) return [`lost: ${told}, ${where} is not there`];
  const differs = ['id', 'type', 'body', 'timestamp'].filter((member) => !same(event[member], found[member]));
  if (event.from.user_id !== found.from.user_id || event.from.name !== found.from.name) differs.push('from');
  return differs.map((member) => `changed: ${told}, ${where} has another ${member}`);
}

/// Each listener was told 1, 2, 3 … once and in order.
function ofListeners(seen, histories) {
  const all = [];
  const has = new Map();
  for (const { listener, conversation, event } of seen) {
    const place = `${listener} in ${conversation}`;
    const expected = (has.get(place) ?? 0) + 1;
    if (event.id !== expected) all.push(`told: ${place} was told ${event.id} where ${expected} belongs`);
    has.set(place, event.id);
    all.push(...ofEvent('seen', conversation, event, histories[conversation] ?? []));
  }
  return all;
}

/// A session that was answered lives until it is revoked, and never after.
function ofSession({ id, revoked, read, refreshed, listed, closed }) {
  const all = [];
  const looks = Object.entries({ read, refreshed }).filter(([, look]) => look);
  if (revoked === 'no') {
    for (const [what, { status }] of looks) {
      if (status !== 200) all.push(`session lost: ${id} is ${what} with ${status}`);
    }
    if (listed !== undefined && listed !== 1) all.push(`session doubled: ${id} is one of ${listed}`);
    if (closed) all.push(`socket: that of ${id} was closed with ${closed}`);
  }
  if (revoked === 'answered') {
    for (const [what, { status, code }] of looks) {
      if (status !== 401 || code !== 'session_ended') {
        all.push(`resurrected: ${id} was revoked, and is ${what} with ${status}`);
      }
    }
    if (closed !== undefined && closed !== 4410) all.push(`socket: that of ${id} was closed with ${closed}, not 4410`);
  }
  return all;
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
