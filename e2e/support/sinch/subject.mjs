// What an application does with sinch-rtc, and what the SDK tells it. The same in a process of
// Node and in a page: nothing here is of the one or the other.

/// Its promises have `then` and `fail`.
const settled = (promise) => new Promise((resolve, reject) => promise.then(resolve).fail(reject));

/// An application that has loaded the SDK. `tell` is called with what the SDK tells. The
/// answer is called with the name of a command and its arguments.
export function subject(Client, tell) {
  let client;

  const commands = {
    make: (options) => {
      client = new Client(options);
      const shown = ({ messageId, senderId, recipientIds, textBody, headers, direction }) =>
        ({ messageId, senderId, recipientIds, textBody, headers, direction });
      client.getMessageClient().addEventListener({
        onIncomingMessage: (message) => tell({ kind: 'message', ...shown(message) }),
        onMessageDelivered: ({ messageId, recipientId }) => tell({ kind: 'delivered', messageId, recipientId }),
      });
    },
    start: async (how) => {
      await settled(client.start(how));
      return client.getSession();
    },
    newUser: (credentials) => settled(client.newUser(credentials)),
    /// One of the calls that its guide does not mention.
    call: (name, given) => settled(client[name](given)),
    /// Where messages to these users go, as it looks for that before it sends one.
    transport: (names) => settled(client.mxp.getTransport(names)),
    /// Sends a message, and answers its id.
    send: async (names, text, headers) => {
      const messages = client.getMessageClient();
      const message = messages.newMessage(names, text, headers);
      await settled(messages.send(message));
      return message.messageId;
    },
    terminate: () => void client.terminate(),
  };
  return async (command, given) => commands[command](...given);
}

/// What a start rejects with has a domain and a code; what a call does, its answer's body.
export function failure({ domain, code, message, response, data }) {
  return { domain, code, message: message ?? data?.message, response: data ?? response };
}
