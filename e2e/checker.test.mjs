// The checker of the kill and disk tests finds what it is there to find: a small
// day without a fault, and then everything that may go wrong in it, one by one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faults } from './support/checker.mjs';

const event = (id, text, user = 'USR-1') => ({
  id, type: 'text', body: { text }, timestamp: `2026-01-01T00:00:0${id}.000Z`,
  from: { member_id: 'MEM-1', user_id: user, name: 'alice', assurance: 'verified' },
});
const attempt = (sequence, text) => ({ conversation: 'CON-1', sender: 'alice', sequence, text, ordered: true });
const ENDED = { status: 401, code: 'session_ended' };

/// Alice says three things; a device of hers, and one of somebody else, are told.
/// Of three sessions one goes on, one was revoked, and one is about to be.
function day() {
  const joined = { ...event(1, ''), type: 'member:joined', body: { member_id: 'MEM-1', user_id: 'USR-1', name: 'alice' } };
  const history = [joined, event(2, 'one'), event(3, 'two'), event(4, 'three')];
  const seen = (listener, events) => events.map((told) => ({ listener, conversation: 'CON-1', event: told }));
  const whole = {
    observations: {
      attempts: [attempt(1, 'one'), attempt(2, 'two'), attempt(3, 'three'), attempt(4, 'never answered')],
      acknowledged: history.slice(1).map((told) => ({ conversation: 'CON-1', event: told })),
      seen: [...seen('phone', history), ...seen('laptop', history.slice(0, 2))],
      sessions: [
        { id: 'SES-1', revoked: 'no', read: { status: 200 }, refreshed: { status: 200 }, listed: 1 },
        { id: 'SES-2', revoked: 'answered', read: ENDED, refreshed: ENDED, closed: 4410 },
        { id: 'SES-3', revoked: 'asked', read: ENDED },
      ],
    },
    histories: { 'CON-1': history },
    before: { 'CON-1': history.slice(0, 3) },
  };
  // As text, in which nothing is shared: each event is doctored alone.
  return JSON.parse(JSON.stringify(whole));
}

/// The first words of what is found once a day was doctored.
function found(doctor) {
  const { observations, histories, before } = doctor(day());
  const kinds = faults(observations, histories, before).map((fault) => fault.split(':')[0]);
  return [...new Set(kinds)].sort();
}

/// Does something to one part of a day.
const to = (part, change) => (whole) => {
  change(part(whole), whole);
  return whole;
};
const history = ({ histories }) => histories['CON-1'];
const seen = ({ observations }) => observations.seen;
const session = (index) => ({ observations }) => observations.sessions[index];

test('a day without a fault has none', () => {
  assert.deepEqual(faults(day().observations, day().histories, day().before), []);
  assert.deepEqual(faults(day().observations, day().histories), []);
});

test('whatever goes wrong is found', () => {
  const check = (what, doctor, expected) => assert.deepEqual(found(doctor), expected, what);
  check('the last event is lost', to(history, (events) => events.pop()), ['lost']);
  check('one in the middle is lost', to(history, (events) => events.splice(2, 1)), ['changed', 'lost', 'numbers']);
  check('all of a conversation is lost', (whole) => ({ ...whole, histories: {} }), ['lost']);
  check('one is there twice', to(history, (events) => events.push(event(5, 'three'))), ['doubled']);
  check('one that nobody sent', to(history, (events) => events.push(event(5, 'four'))), ['invented']);
  check('one of another conversation', to(({ observations }) => observations, ({ attempts }) => (attempts[1].conversation = 'CON-2')), ['invented']);
  check('another body', to(history, (events) => (events[3].body.text = 'never answered')), ['changed']);
  check('another time', to(history, (events) => (events[2].timestamp = events[1].timestamp)), ['changed']);
  check('another author', to(history, (events) => (events[2].from.user_id = 'USR-2')), ['changed']);
  check('a number twice', to(history, (events) => (events[3].id = 3)), ['changed', 'numbers']);
  check('two are swapped', to(history, (events) => {
    [events[1].body, events[2].body] = [events[2].body, events[1].body];
  }), ['changed', 'order']);
  check('later ones overtake', to(({ observations }) => observations, (all) => {
    [all.attempts[0].sequence, all.attempts[2].sequence] = [3, 1];
  }), ['order']);
  check('a refusal lets them overtake', to(({ observations }) => observations, (all) => {
    [all.attempts[0].sequence, all.attempts[2].sequence] = [3, 1];
    for (const one of all.attempts) one.ordered = false;
  }), []);

  check('told of a hole', to(seen, (all) => all.splice(1, 1)), ['told']);
  check('told twice', to(seen, (all) => all.splice(1, 0, all[1])), ['told']);
  check('told in disorder', to(seen, (all) => ([all[1], all[2]] = [all[2], all[1]])), ['told']);
  check('told something else', to(seen, (all) => (all[1].event = event(2, 'else'))), ['changed']);
  check('told of what is not there', to(seen, (all) => {
    all.splice(4, 0, { listener: 'phone', conversation: 'CON-1', event: event(5, 'never answered') });
  }), ['lost']);
  check('acknowledged with another number', to(({ observations }) => observations.acknowledged, (all) => {
    all[0].event.id = 3;
  }), ['changed']);
  check('what was read earlier has changed', to(({ before }) => before['CON-1'], (all) => (all[1].body.text = 'else')), ['changed']);

  check('a session is lost', to(session(0), (one) => (one.read = ENDED)), ['session lost']);
  check('one cannot be refreshed', to(session(0), (one) => (one.refreshed = ENDED)), ['session lost']);
  check('one was opened twice', to(session(0), (one) => (one.listed = 2)), ['session doubled']);
  check('one is not there', to(session(0), (one) => (one.listed = 0)), ['session doubled']);
  check('its socket was closed', to(session(0), (one) => (one.closed = 4410)), ['socket']);
  check('a revoked one reads', to(session(1), (one) => (one.read = { status: 200 })), ['resurrected']);
  check('a revoked one is refreshed', to(session(1), (one) => (one.refreshed = { status: 200 })), ['resurrected']);
  check('one is refused for another reason', to(session(1), (one) => {
    one.read = { status: 401, code: 'access_expired' };
  }), ['resurrected']);
  check('its socket comes back', to(session(1), (one) => (one.closed = 4503)), ['socket']);
  check('one that is about to go is either', to(session(2), (one) => (one.read = { status: 200 })), []);
});
