// The kustomer door of a server in development, with backends as they are written for it.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jsonwebtoken from 'jsonwebtoken';
import { call, dev } from '../countersign.mjs';

/// Starts a server: its door, and what a backend does. `before` is the folder of one that was
/// stopped and has left it.
export async function openDoor(more = [], before) {
  const folder = before ?? (await mkdtemp(join(tmpdir(), 'countersign-e2e-')));
  const server = await dev(folder, more);
  const { url: native, application, doors, operator_key } = server.ready;
  const { nexmo } = doors;
  // Where the host does not name the organization, the path does.
  const url = `${doors.kustomer}/${application.slug}`;

  /// What a backend does for each login: it reads the secret, and signs.
  const mint = async (claims, key = application.api_key) => {
    const response = await fetch(`${url}/v1/auth/customer/settings`, { headers: { authorization: `Bearer ${key}` } });
    const body = await response.json();
    assert.equal(response.status, 200, JSON.stringify(body));
    return jsonwebtoken.sign(claims, body.data.attributes.secret);
  };
  /// What a backend of the nexmo door signs with.
  const signing = async () => ({ id: application.id, privateKey: await readFile(application.nexmo.private_key_file, 'utf8') });
  /// A call of the native API that must answer so.
  const at = async (status, method, path, { bearer = application.api_key, body } = {}) => {
    const answer = await call(native, method, path, { bearer, body });
    assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  /// Ends the server, and holds its log to its promise. Its folder can stay for another.
  const stop = async (secrets = [], { leave = false } = {}) => {
    const { stderr } = await server.stop();
    if (!leave) await rm(folder, { recursive: true });
    const all = [application.kustomer.secret, 'eyJ', 'cs_', ...secrets];
    for (const secret of all) assert.ok(!stderr.includes(secret), 'no secret is in the log');
    assert.doesNotMatch(stderr, /panicked/, 'nothing panicked');
  };
  return { url, native, nexmo, application, operator_key, mint, signing, at, stop };
}
