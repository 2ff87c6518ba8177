// A device on the native socket, as an honest client is: after each loss of its
// connection it takes up where it was, and sends again what was not acknowledged.
import WebSocket from 'ws';
import { deferred } from './place.mjs';

const SUBPROTOCOL = 'countersign.v1';
/// The node goes away, or cannot answer.
const GOING_AWAY = 4503;
/// What a socket is called closed with that nobody closed.
const BROKEN = 1006;

/// A device. `told(conversation, event)` is called for every event, in the order
/// in which they come. `refused(code, client_id?)` answers a promise to wait for
/// before what was refused is tried again, or null where it must not have been.
export function device({ place, token, told, refused }) {
  const have = {};
  const waiting = new Map();
  let epoch;
  let socket = null;
  let welcomed = false;
  let reference = 0;
  let connections = 0;
  let stopping = false;
  const ready = deferred();

  const tell = (conversation, event) => {
    have[conversation] = event.id;
    told(conversation, event);
  };
  const say = (frame) => socket?.readyState === WebSocket.OPEN && socket.send(JSON.stringify(frame));
  const offer = (one) => say({ type: 'send', ref: one.ref, conversation_id: one.conversation, event: one.event });

  /// Too much was missed: it is read page by page.
  const page = async ({ conversation_id: conversation, after, last }) => {
    while (after < last) {
      const path = `/v1/conversations/${conversation}/events?after=${after}&limit=100`;
      const { status, body } = await place.insist('GET', path, { bearer: token });
      if (status !== 200) throw new Error(`a gap is read with ${status}`);
      for (const event of body.events.filter(({ id }) => id <= last)) tell(conversation, event);
      after = body.events.at(-1).id;
    }
  };

  const hear = async (frame) => {
    switch (frame.type) {
      case 'welcome': {
        const resumes = epoch !== undefined;
        if (resumes && !frame.resumed) throw new Error('a device was not resumed');
        ({ epoch } = frame);
        welcomed = true;
        ready.resolve();
        for (const one of waiting.values()) offer(one);
        break;
      }
      case 'event':
        if (frame.event.id !== undefined) tell(frame.conversation_id, frame.event);
        break;
      case 'sent': {
        const one = waiting.get(frame.ref);
        waiting.delete(frame.ref);
        // Of one that was sent twice the device has been told before.
        if (frame.event.id > (have[one.conversation] ?? 0)) tell(one.conversation, frame.event);
        one.resolve(frame.event);
        break;
      }
      case 'error': {
        const one = waiting.get(frame.ref);
        const wait = refused(frame.code, one.event.client_id);
        if (!wait) throw new Error(`a device was refused: ${frame.code}: ${frame.detail}`);
        wait.then(() => waiting.has(frame.ref) && offer(one));
        break;
      }
      case 'gap':
        await page(frame);
        break;
      case 'conversation':
        if (frame.change === 'removed') throw new Error('a conversation was taken from a device');
        break;
      case 'expiring':
        break;
      default:
        throw new Error(`an unknown frame: ${frame.type}`);
    }
  };

  /// One connection, from its opening to its close code.
  const connection = () =>
    new Promise((resolve, reject) => {
      connections += 1;
      socket = new WebSocket(`${place.url.replace('http', 'ws')}/v1/connect`, SUBPROTOCOL);
      // A close follows, which says what matters.
      socket.on('error', () => {});
      socket.on('open', () => say({ type: 'authenticate', token, have, ...(epoch !== undefined && { epoch }) }));
      // Frames are heard one after the other, also where one has to be read up on.
      let heard = Promise.resolve();
      socket.on('message', (text) => (heard = heard.then(() => hear(JSON.parse(text)))).catch(reject));
      socket.on('close', (code) => {
        welcomed = false;
        heard.then(() => resolve(code), reject);
      });
    });

  const live = async () => {
    for (;;) {
      await place.there();
      if (stopping) return undefined;
      const code = await connection();
      if (stopping) return undefined;
      if (code === GOING_AWAY) await refused('unavailable');
      else if (code !== BROKEN) return code;
    }
  };
  const closed = live();
  closed.catch(() => {});

  return {
    /// The close code, once the device does not come back; none, where it was stopped.
    closed,
    /// The first welcome.
    ready: ready.promise,
    /// How often it has connected.
    connections: () => connections,
    /// The newest event that it has of a conversation.
    has: (conversation) => have[conversation] ?? 0,
    /// Sends an event, and answers it once it is acknowledged.
    send(conversation, event) {
      reference += 1;
      const answer = deferred();
      const one = { ref: reference, conversation, event, resolve: answer.resolve };
      waiting.set(one.ref, one);
      if (welcomed) offer(one);
      return answer.promise;
    },
    stop() {
      stopping = true;
      socket?.close();
    },
  };
}
