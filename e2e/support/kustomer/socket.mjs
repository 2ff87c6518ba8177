// A device's socket, with the Pusher client that chat clients are built on.
import assert from 'node:assert/strict';
import Pusher from 'pusher-js';

const DEADLINE_MS = 20_000;
const MESSAGE = 'kustomer.app.chat.message.send';
const ENDED = 'kustomer.app.chat.session.end';
const TYPING = 'client-kustomer.app.chat.activity.typing';

/// What comes first of all that an emitter tells under a name and that is wanted.
function next(emitter, name, wanted = () => true) {
  const place = new Error(`no ${name} came in time`);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(place), DEADLINE_MS);
    const hear = (told) => {
      if (!wanted(told)) return;
      clearTimeout(timer);
      emitter.unbind(name, hear);
      resolve(told);
    };
    emitter.bind(name, hear);
  });
}

/// Opens the socket of a device at the address that its settings and its organization tell.
/// The token that it shows is the one that the device has at the time.
export async function openSocket(url, device) {
  const { attributes } = await device.does('GET', '/p/v1/chat/settings');
  const { pusherAccessKey, pusherCluster } = attributes;
  const { hostname, port, pathname } = new URL(url);
  const pusher = new Pusher(pusherAccessKey, {
    cluster: pusherCluster,
    wsHost: hostname,
    wsPort: Number(port),
    wsPath: pathname,
    forceTLS: false,
    enabledTransports: ['ws'],
    enableStats: false,
    channelAuthorization: {
      transport: 'ajax',
      endpoint: `${url}/c/v1/pusher/auth`,
      headersProvider: () => ({ 'x-kustomer': 'kustomer', 'x-kustomer-tracking-token': device.token }),
    },
  });
  const { connection } = pusher;
  const own = {
    pusher,
    state: (name) => (connection.state === name ? undefined : next(connection, name)),
    /// The next time that the connection is in this state.
    becomes: (name) => next(connection, name),
    closedWith: () => next(connection, 'error', ({ data }) => data?.code).then(({ data }) => data.code),
    async enter(name) {
      const channel = pusher.subscribe(name);
      if (!channel.subscribed) await next(channel, 'pusher:subscription_succeeded');
      return channel;
    },
    /// The status with which a channel is refused.
    async refused(name) {
      const { status } = await next(pusher.subscribe(name), 'pusher:subscription_error');
      pusher.unsubscribe(name);
      return status;
    },
    /// The same, where the client shows what it was not given.
    async refusedWith(channel, auth) {
      const told = next(connection, 'message', ({ event }) => event === 'pusher:subscription_error');
      pusher.send_event('pusher:subscribe', { channel, auth });
      return (await told).data.status;
    },
    tracking: (trackingId) => `presence-external-${pusherAccessKey}-tracking-${trackingId}`,
    activity: (chat) => `private-external-${pusherAccessKey}-chat-activity-${chat}`,
    customer: (customer) => `presence-external-${pusherAccessKey}-customer-activity-${customer}`,
    message: async (channel, body) => {
      const { data } = await next(channel, MESSAGE, ({ data }) => data.attributes.body === body);
      assert.equal(data.type, 'chat_message');
      return data;
    },
    ended: async (channel) => (await next(channel, ENDED)).data,
    typing: async (channel) => (await next(channel, TYPING)).status,
    types: (channel, status) => channel.trigger(TYPING, { type: 'conversation', userType: 'customer', status }),
    close: () => pusher.disconnect(),
  };
  await own.state('connected');
  return own;
}
