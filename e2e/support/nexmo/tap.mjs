// A tap in the wire between an SDK and the door: it counts what goes by, and can be shut.
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { after } from 'node:test';
import { witness } from './witness.mjs';

// A tap that a failed test left open would keep its file from ending.
const taps = new Set();
after(async () => {
  for (const close of taps) await close();
});

/// Opens a tap in front of a door.
export async function tap(door) {
  const { hostname, port } = new URL(door);
  const { hears, sees, told: requests } = witness('the wire');
  const wires = new Set();
  let shut = false;
  let upgrades = 0;

  const server = createServer((asked, answer) => {
    const { method, url: path, headers } = asked;
    const passed = request({ hostname, port, method, path, headers }, (given) => {
      hears({ method, path: withoutToken(path), status: given.statusCode });
      answer.writeHead(given.statusCode, given.rawHeaders);
      given.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    return asked.pipe(passed);
  });
  server.on('upgrade', (asked, near, head) => {
    // What is dropped here resets, also on the far side.
    near.on('error', () => {});
    if (shut) return near.destroy();
    upgrades += 1;
    hears({ method: 'UPGRADE', path: withoutToken(asked.url) });
    const far = connect(Number(port), hostname, () => {
      const lines = [`GET ${asked.url} HTTP/1.1`];
      for (let each = 0; each < asked.rawHeaders.length; each += 2) {
        lines.push(`${asked.rawHeaders[each]}: ${asked.rawHeaders[each + 1]}`);
      }
      far.write(`${lines.join('\r\n')}\r\n\r\n`);
      far.write(head);
      near.pipe(far).pipe(near);
    });
    far.on('error', () => {});
    const wire = { near, far };
    wires.add(wire);
    const cut = () => {
      wires.delete(wire);
      near.destroy();
      far.destroy();
    };
    near.on('close', cut);
    return far.on('close', cut);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const drop = () => {
    for (const { near, far } of [...wires]) {
      near.destroy();
      far.destroy();
    }
  };
  const close = async () => {
    if (!taps.delete(close)) return;
    drop();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  taps.add(close);
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /// What went by, in the order of the answers; and a wait for something of it.
    requests,
    sees,
    /// What the SDK asks for where it believes that it has missed something.
    ranges: () => requests.filter(({ path }) => /[?&]start_id=/.test(path)).map(({ path }) => path),
    upgrades: () => upgrades,
    /// Cuts every socket as a lost network does; a client may come back at once.
    drop,
    /// Cuts every socket, and lets none in. Calls still pass: what was asked before
    /// would else fail by chance.
    shut() {
      shut = true;
      drop();
    },
    open: () => (shut = false),
    close,
  };
}

const withoutToken = (path) => path.replace(/token=[^&]*/, 'token=…');
