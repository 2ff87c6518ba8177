// Chromium without a window, over a pipe in its DevTools protocol, and a page of an
// application in it that has loaded an SDK from its own site.
import { spawn } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deferred, inTime } from './place.mjs';

const program = process.env.CHROMIUM ?? 'chromium';

/// Starts a browser: {page, visitor, close}. It trusts the certificate in a file, too.
export async function openBrowser({ certificate } = {}) {
  const profile = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  const flags = ['--headless=new', '--remote-debugging-pipe', '--no-first-run', '--disable-gpu', `--user-data-dir=${profile}`];
  // Containers have little shared memory, and Chromium has no sandbox for root.
  flags.push('--disable-dev-shm-usage', ...(process.getuid() === 0 ? ['--no-sandbox'] : []));
  // Nothing leaves this machine, whatever a page's scripts would ask.
  flags.push('--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost');
  if (certificate) flags.push(`--ignore-certificate-errors-spki-list=${await fingerprint(certificate)}`);
  const child = spawn(program, [...flags, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    // It may keep what it likes, but not in a person's own folder.
    env: { ...process.env, HOME: profile },
  });
  let log = '';
  child.stderr.on('data', (chunk) => (log += chunk));
  const closed = once(child, 'close');
  const { send, hears } = protocol(child, closed, () => log);
  // What it says about itself shows that it is there.
  await inTime('a browser', send('Browser.getVersion'));

  const site = await openSite();
  /// A window of its own, that keeps nothing. `tell` is called with what a page in it
  /// tells, and `complains` with what it complains of.
  const tab = async (tell, complains) => {
    const { browserContextId } = await send('Target.createBrowserContext');
    const { targetId } = await send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
    hears(sessionId, {
      'Runtime.bindingCalled': ({ payload }) => tell(JSON.parse(payload)),
      'Runtime.consoleAPICalled': ({ type, args }) => {
        if (type === 'error' || type === 'warning') complains(`${type}: ${args.map(shown).join(' ')}`);
      },
      'Runtime.exceptionThrown': ({ exceptionDetails: { text, exception } }) =>
        complains(`unhandled: ${text} ${exception ? shown(exception) : ''}`),
      'Log.entryAdded': ({ entry: { level, text, url } }) => {
        if (level === 'error') complains(`browser: ${text} ${(url ?? '').replace(/token=[^&]*/, 'token=…')}`);
      },
    });
    for (const domain of ['Runtime', 'Log', 'Page']) await send(`${domain}.enable`, {}, sessionId);
    await send('Runtime.addBinding', { name: 'tell' }, sessionId);
    return {
      visit: (url) => send('Page.navigate', { url }, sessionId),
      evaluate: async (expression) => {
        const { exceptionDetails } = await send('Runtime.evaluate', { expression, awaitPromise: true }, sessionId);
        if (exceptionDetails) throw new Error(`in the page: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
      },
      dispose: () => send('Target.disposeBrowserContext', { browserContextId }),
    };
  };
  /// A page of an application that has loaded an SDK: {ask, dispose}. `kind` has the `scripts`
  /// that it loads, the `global` by which it finds the SDK, and the `subject` that uses it:
  /// a module with `subject(sdk, tell)` and `failure(error)`. `ask` is for the subject's
  /// commands; `hears` is called with what it tells.
  const page = async (who, kind, { hears: told, complains }) => {
    const open = new Map();
    const ready = deferred();
    const complaints = [];
    const tell = (message) => {
      if (message.ready) ready.resolve();
      else if (message.observation) told(message.observation);
      else if (message.failed) open.get(message.ref).reject(message.failed);
      else open.get(message.ref).resolve(message.answer);
    };
    const { visit, evaluate, dispose } = await tab(tell, (complaint) => {
      complaints.push(complaint);
      complains(complaint);
    });
    await visit(site.serve(kind));
    await inTime(`${who}'s page`, ready.promise).catch((error) => {
      error.message += `; complaints: ${complaints.join('\n')}`;
      throw error;
    });
    let references = 0;
    const ask = (command, given) => {
      references += 1;
      const answer = deferred();
      open.set(references, answer);
      const expression = `command(${[references, command, given].map((one) => JSON.stringify(one)).join(', ')})`;
      evaluate(expression).catch(answer.reject);
      return answer.promise;
    };
    return { ask, dispose };
  };
  /// A page of somebody else's making: what it shows, and what a person does in it.
  const visitor = async (who, url) => {
    const complaints = [];
    const { visit, evaluate, dispose } = await tab(() => {}, (complaint) => complaints.push(complaint));
    await visit(url);
    await evaluate(`document.readyState === 'complete' || new Promise((resolve) => addEventListener('load', resolve))`);
    /// A page that is loaded again meanwhile is looked at again.
    const lookedFor = (look) =>
      evaluate(look).catch((error) => {
        if (/context|navigated/i.test(error.message)) return lookedFor(look);
        throw error;
      });
    /// Waits until the page shows these words, in its title or below.
    const shows = async (words) => {
      const look = `new Promise((resolve) => {
        const look = () => document.documentElement?.textContent.includes(${JSON.stringify(words)}) && resolve();
        new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
        look();
      })`;
      await inTime(`${who}'s page shows ${words}`, lookedFor(look)).catch((error) => {
        error.message += `; complaints: ${complaints.join('\n')}`;
        throw error;
      });
    };
    return { shows, evaluate, dispose, complaints };
  };
  const close = async () => {
    await site.close();
    await send('Browser.close').catch(() => {});
    await inTime('the end of the browser', closed);
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  return { page, visitor, close };
}

/// By what a browser knows the key of a certificate.
async function fingerprint(file) {
  const { publicKey } = new X509Certificate(await readFile(file));
  const key = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}

/// The protocol over two pipes: calls, and what is heard for a session.
function protocol(child, closed, log) {
  const [, , , to, from] = child.stdio;
  const open = new Map();
  const sessions = new Map();
  let references = 0;
  let rest = '';
  from.setEncoding('utf8');
  from.on('data', (chunk) => {
    const messages = (rest + chunk).split('\0');
    rest = messages.pop();
    for (const text of messages) {
      const { id, result, error, method, params, sessionId } = JSON.parse(text);
      if (id === undefined) sessions.get(sessionId)?.[method]?.(params);
      else if (error) open.get(id).reject(new Error(`the browser: ${error.message}`));
      else open.get(id).resolve(result);
    }
  });
  to.on('error', () => {});
  const end = (why) => {
    for (const one of open.values()) one.reject(new Error(`the browser ended (${why}): ${log()}`));
  };
  closed.then(([code]) => end(code), end);
  return {
    hears: (session, handlers) => sessions.set(session, handlers),
    send(method, params = {}, sessionId) {
      references += 1;
      const answer = deferred();
      open.set(references, answer);
      to.write(`${JSON.stringify({ id: references, method, params, sessionId })}\0`);
      return answer.promise;
    },
  };
}

/// What the console was given: an error's own words, else the value.
const shown = ({ value, description, type, preview }) =>
  value ?? (preview ? preview.properties.map((one) => `${one.name}: ${one.value}`).join(', ') : (description ?? type));

/// An application's own site: of another origin than the door.
async function openSite() {
  const files = new Map();
  const server = createServer(async ({ url }, answer) => {
    const file = files.get(url);
    if (!file) return answer.writeHead(404).end();
    answer.setHeader('content-type', file.type);
    return answer.end(file.content ?? (await readFile(file.path)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    serve({ scripts, global, subject }) {
      const place = `/${global}`;
      files.set(`${place}/`, { type: 'text/html', content: html(scripts.length, global) });
      for (const [index, path] of scripts.entries()) files.set(`${place}/${index}.js`, { type: 'text/javascript', path });
      files.set(`${place}/subject.mjs`, { type: 'text/javascript', path: subject });
      return `${origin}${place}/`;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const html = (scripts, global) => `<!doctype html>
<meta charset="utf-8">
<link rel="icon" href="data:,">
${Array.from({ length: scripts }, (_, index) => `<script src="${index}.js"></script>`).join('\n')}
<script type="module">
  import { failure, subject } from './subject.mjs';
  const send = (message) => tell(JSON.stringify(message));
  const does = subject(${global}, (observation) => send({ observation }));
  window.command = (ref, command, given) =>
    void does(command, given).then(
      (answer) => send({ ref, answer: answer ?? null }),
      (error) => send({ ref, failed: failure(error) }),
    );
  send({ ready: true });
</script>
`;
