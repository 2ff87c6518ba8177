// What an application does with the vendor's client SDK of today, in a page.

const EVENTS = ['conversationEvent', 'sessionError', 'reconnecting', 'reconnection'];

/// An application that has loaded the SDK. `tell` is called with what the SDK emits.
export function subject(sdk, tell) {
  let client;
  const commands = {
    async createSession(url, token) {
      client = new sdk.VonageClient({ apiUrl: url, websocketUrl: url, loggingLevel: 'Warn' });
      for (const name of EVENTS) client.on(name, (detail) => tell({ on: 'client', name, detail: plain(detail) }));
      return client.createSession(token);
    },
    deleteSession: async () => void (await client.deleteSession()),
  };
  return async (name, given) => {
    if (commands[name]) return commands[name](...given);
    return plain(await client[name](...given));
  };
}

/// An error as it is told: the SDK's own have a type of a few, and the door's code.
export function failure(error) {
  const { name, type, code, message, stack } = error ?? {};
  return { name, type: code ?? type, code, message: message ?? String(error), stack };
}

/// The SDK's objects have only getters, of their classes.
function plain(value, depth = 0) {
  if (value === null || typeof value !== 'object' || depth > 6) return typeof value === 'function' ? undefined : value;
  if (Array.isArray(value)) return value.map((one) => plain(one, depth + 1));
  const fields = new Set(Object.keys(value));
  for (let of = Object.getPrototypeOf(value); of && of !== Object.prototype; of = Object.getPrototypeOf(of)) {
    for (const [key, { get }] of Object.entries(Object.getOwnPropertyDescriptors(of))) if (get) fields.add(key);
  }
  const shown = [...fields].filter((key) => !/_1$/.test(key));
  return Object.fromEntries(shown.map((key) => [key, plain(value[key], depth + 1)]));
}
