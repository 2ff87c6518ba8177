// What an application does with nexmo-client, and what the SDK tells it. The same in a
// process of Node and in a page: nothing here is of the one or the other.

/// What is kept of an event of the SDK: the rest leads back to the conversation.
const EVENT_FIELDS = ['id', 'type', 'cid', 'from', 'body', 'timestamp', 'state'];

/// An application that has loaded the SDK. `tell` is called with what the SDK emits.
/// The answer is called with the name of a command and its arguments.
export function subject(NexmoClient, tell) {
  let client;
  let application;
  const followed = new WeakSet();
  const pages = new Map();

  const hear = (on, emitter) => {
    if (followed.has(emitter)) return emitter;
    followed.add(emitter);
    emitter.on('*', (name, ...given) => {
      // An application hears of a conversation that it does not know by an event of
      // its member, and listens to the conversation from then on.
      const cid = given[1]?.cid;
      if (on === 'application' && application.conversations.has(cid)) follow(application.conversations.get(cid));
      tell({ on, name, ...told(given) });
    });
    return emitter;
  };
  const follow = (conversation) => hear('conversation', conversation);
  const of = (cid) => {
    const conversation = application.conversations.get(cid);
    if (!conversation) throw new Error(`the SDK does not know ${cid}`);
    return conversation;
  };
  const turned = (name, page) => {
    pages.set(name, page);
    return { items: [...page.items.values()].map(plain), next: page.hasNext(), prev: page.hasPrev() };
  };

  const commands = {
    async createSession(options, token) {
      client = hear('client', new NexmoClient(options));
      // So it was called before 9.
      application = await (client.createSession ? client.createSession(token) : client.login(token));
      hear('application', application);
      return { session: client.session_id, me: { id: application.me.id, name: application.me.name } };
    },
    session: () => client.session_id,
    connectivityReport: (token) => client.connectivityReport(token),
    newConversation: async (data) => summary(follow(await application.newConversation(data))),
    newConversationAndJoin: async (data) => summary(follow(await application.newConversationAndJoin(data))),
    getConversation: async (cid, version) => summary(follow(await application.getConversation(cid, version))),
    async getConversations(parameters) {
      const page = await application.getConversations(parameters);
      pages.set('conversations', page);
      return { items: [...page.items.values()].map(summary), next: page.hasNext(), prev: page.hasPrev() };
    },
    knows: (cid) => summary(of(cid)),
    async getUser(id) {
      const { id: found, name, display_name } = await application.getUser(id);
      return { id: found, name, display_name };
    },
    async getUserSessions() {
      const { items } = await application.getUserSessions();
      return [...items.values()].map(({ id, _embedded }) => ({ id, user: _embedded?.user?.name }));
    },
    updateToken: (token) => application.updateToken(token),
    disconnect: () => void client.disconnect(),
    connect: () => void client.connect(),
    async deleteSession() {
      const { type } = await (client.deleteSession ? client.deleteSession() : client.logout());
      return type;
    },

    join: async (cid, parameters) => memberOf(await of(cid).join(parameters)),
    invite: async (cid, parameters) => memberOf(await of(cid).invite(parameters)),
    leave: (cid, reason) => of(cid).leave(reason).then(() => {}),
    kick: async (cid, id, reason) => void (await (await of(cid).getMember(id)).kick(reason)),
    del: (cid) => of(cid).del().then(() => {}),
    getMyMember: async (cid) => memberOf(await of(cid).getMyMember()),
    getMember: async (cid, id) => memberOf(await of(cid).getMember(id)),
    async getMembers(cid, parameters) {
      const page = await of(cid).getMembers(parameters);
      pages.set('members', page);
      return { items: [...page.items.values()].map(memberOf), next: page.hasNext(), prev: page.hasPrev() };
    },

    sendText: async (cid, text) => plain(await of(cid).sendText(text)),
    sendMessage: async (cid, parameters) => plain(await of(cid).sendMessage(parameters)),
    sendCustomEvent: async (cid, parameters) => plain(await of(cid).sendCustomEvent(parameters)),
    sendEphemeralEvent: async (cid, body) => plain(await of(cid).sendEphemeralEvent(body)),
    startTyping: (cid) => of(cid).startTyping(),
    stopTyping: (cid) => of(cid).stopTyping(),
    getEvents: async (cid, parameters) => turned('events', await of(cid).getEvents(parameters)),
    nextEvents: async () => turned('events', await pages.get('events').getNext()),
    previousEvents: async () => turned('events', await pages.get('events').getPrev()),
    event: (cid, id) => plain(of(cid).events.get(id)),
    seen: (cid, id) => of(cid).events.get(id).seen(),
    deleteEvent: (cid, id) => of(cid).events.get(id).del(),
    /// Only in a page: the SDK uses its FormData and its upload.
    async sendImage(cid, base64, type) {
      const file = new File([Uint8Array.from(atob(base64), (byte) => byte.charCodeAt(0))], 'picture', { type });
      const request = await of(cid).sendImage(file);
      if (request.readyState !== 4) await new Promise((resolve) => request.addEventListener('loadend', resolve));
      return { status: request.status, text: request.responseText };
    },
    /// Breaks an upload off once it is under way.
    async abortImage(cid, bytes) {
      const request = await of(cid).sendImage(new File([new Uint8Array(bytes)], 'picture', { type: 'image/png' }));
      const ended = new Promise((resolve) => request.addEventListener('loadend', resolve));
      of(cid).abortSendImage(request);
      await ended;
    },
    fetchImage: (cid, id, size) => of(cid).events.get(id).fetchImage(size),
  };
  return async (name, given) => {
    if (!commands[name]) throw new Error(`there is no command ${name}`);
    return commands[name](...given);
  };
}

/// An error as it is told: the SDK's own carry a type and no enumerable message.
export function failure(error) {
  const { name, type, message, description, code, status } = error ?? {};
  if (status !== undefined && message === undefined) return { name, type, code, message: `status ${status}` };
  const text = message ?? description ?? (typeof error === 'object' ? JSON.stringify(error) : String(error));
  return { name, type, code, message: text, stack: error?.stack };
}

function told(given) {
  const [first, second] = given;
  // An application's handler of an error gets a group's name in front.
  if (typeof first === 'string' && second) return { detail: first, payload: copy(second) };
  // A conversation tells who in a form of its own.
  const { memberId, userId, userName } = first ?? {};
  if (memberId) return { member: { id: memberId, user: { id: userId, name: userName } }, event: plain(second) };
  if (first?.user) return { member: memberOf(first), event: plain(second) };
  if (second) return { member: null, event: plain(second) };
  if (first instanceof Error) return { detail: failure(first) };
  return { detail: typeof first === 'object' ? plain(first) : first };
}

function plain(event) {
  if (!event) return null;
  return copy(Object.fromEntries(EVENT_FIELDS.filter((field) => field in event).map((field) => [field, event[field]])));
}

const copy = (value) => (value === undefined ? null : JSON.parse(JSON.stringify(value)));

const memberOf = ({ id, state, user, display_name, invited_by }) =>
  copy({ id, state, user: { id: user?.id, name: user?.name }, display_name, invited_by });

const summary = ({ id, name, display_name, sequence_number, me, timestamp, members }) =>
  copy({
    id, name, display_name, sequence_number, timestamp,
    me: me && memberOf(me),
    members: [...members.values()].map(memberOf),
  });
