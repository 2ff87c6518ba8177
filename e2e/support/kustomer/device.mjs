// A device with an old chat client: what it sends, and what it keeps.
import assert from 'node:assert/strict';

/// As the clients send it with every call.
const HEADERS = {
  'content-type': 'application/json',
  'accept-language': 'en;q=1, de;q=0.9',
  'x-kustomer': 'kustomer',
  'x-kustomer-client': 'customer-ios',
  'x-kustomer-version': 'release-v0.3.14',
};

/// A device at the address of its organization. The oldest clients do not look into what a
/// login answers, and ask for their token instead.
export function device(url, { readsAnswer = true, secrets = [] } = {}) {
  const call = async (token, method, path, body) => {
    const headers = { ...HEADERS, ...(token && { 'x-kustomer-tracking-token': token }) };
    const response = await fetch(`${url}${path}`, { method, headers, body: body && JSON.stringify(body) });
    return { status: response.status, body: await response.json() };
  };
  const own = {
    token: undefined,
    verified: undefined,
    customerId: undefined,
    async does(method, path, body) {
      const answer = await call(own.token, method, path, body);
      assert.equal(answer.body.errors, undefined, `${method} ${path}: ${JSON.stringify(answer.body)}`);
      const { data } = answer.body;
      for (const { id, type } of [data].flat()) assert.ok(id && type, 'each has an id and a type');
      return data;
    },
    /// The status and code of a call that is refused, with whichever token.
    async refused(token, method, path, body) {
      const answer = await call(token, method, path, body);
      assert.ok(answer.body.errors, JSON.stringify(answer.body));
      return [answer.status, answer.body.errors[0].code];
    },
    keep({ type, attributes }) {
      assert.equal(type, 'tracking_token');
      ({ token: own.token, verified: own.verified, customerId: own.customerId } = attributes);
      secrets.push(own.token);
    },
    async start() {
      own.keep(await own.does('GET', '/c/v1/tracking/tokens/current'));
    },
    async logOut() {
      own.keep(await own.does('POST', '/c/v1/tracking/tokens', {}));
    },
    async logIn(externalToken) {
      const { attributes } = await own.does('POST', '/c/v1/identity', { externalToken });
      secrets.push(attributes.trackingToken);
      if (readsAnswer) own.token = attributes.trackingToken;
      return attributes;
    },
    begin: async (title) => (await own.does('POST', '/c/v1/chat/sessions', { title })).id,
    say: (session, body) => own.does('POST', '/c/v1/chat/messages', { session, body, attachments: [] }),
    /// Sends a file as to a storage: announced, then its bytes with the key that it was given.
    async attach(name, contentType, bytes) {
      const announced = await call(own.token, 'POST', '/c/v1/chat/attachments', { name, contentType, contentLength: bytes.length });
      assert.equal(announced.status, 201, JSON.stringify(announced.body));
      const { data, meta } = announced.body;
      const form = new FormData();
      for (const [field, value] of Object.entries(meta.upload.fields)) form.append(field, value);
      form.append('file', new Blob([bytes], { type: contentType }), name);
      const { status } = await fetch(meta.upload.url, { method: 'POST', body: form });
      assert.equal(status, 204);
      secrets.push(...Object.values(meta.upload.fields));
      return data.id;
    },
    /// The bytes of a message's file, with how they are served.
    async file(message, attachment) {
      const headers = { ...HEADERS, 'x-kustomer-tracking-token': own.token };
      const response = await fetch(`${url}/c/v1/chat/messages/${message}/attachments/${attachment}?redirect=true`, { headers });
      return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
    },
    chats: () => own.does('GET', '/c/v1/chat/sessions'),
    /// What was said in a chat, the oldest first, as the client sorts it.
    async said(session) {
      const messages = await own.does('GET', `/c/v1/chat/sessions/${session}/messages`);
      const sorted = messages.toSorted((one, other) => one.attributes.createdAt.localeCompare(other.attributes.createdAt));
      return sorted.map(({ attributes }) => `${attributes.direction}: ${attributes.body}`);
    },
    /// What a client that polls compares with the last time.
    lastActivity: async () => (await own.does('GET', '/c/v1/chat/customers/stats')).attributes.lastActivity,
    describe: (customer) => own.does('PATCH', '/c/v1/customers/current', customer),
  };
  return own;
}
