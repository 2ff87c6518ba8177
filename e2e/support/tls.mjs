// Calls of a server whose certificate only we trust.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/// What `fetch` does, trusting this certificate, by the name that it is for where it is asked by
/// another. Every call has a connection of its own, so that each agrees anew.
export function trusting(ca, servername) {
  return async (url, { method = 'GET', headers = {}, body } = {}) => {
    const asked = request(url, { method, headers, ca, agent: false, ...(servername && { servername }) });
    asked.end(body);
    const [answer] = await once(asked, 'response');
    const content = Buffer.concat(await answer.toArray());
    return new Response(content, { status: answer.statusCode, headers: answer.headers });
  };
}

/// Makes a certificate for this machine, and its key: the paths of both. `kind` is
/// ec or rsa.
export async function certificate(folder, name, kind = 'ec') {
  const [file, key] = ['certificate', 'key'].map((what) => join(folder, `${name}-${what}.pem`));
  const newkey = kind === 'ec' ? ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['-newkey', 'rsa:2048'];
  await run('openssl', [
    ...['req', '-x509', '-nodes', '-days', '30', '-subj', '/CN=localhost', ...newkey],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', file],
  ]);
  await chmod(key, 0o600);
  return { file, key };
}
