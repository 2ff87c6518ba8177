// The nexmo door of a server in development, with users, and tokens as a backend makes them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tokenGenerate } from '@vonage/jwt';
import jsonwebtoken from 'jsonwebtoken';
import { call, dev } from '../countersign.mjs';

/// The paths that the vendor tells client applications to ask for.
export const CLIENT_ACL = {
  paths: Object.fromEntries(
    ['users', 'conversations', 'sessions', 'devices', 'image', 'media', 'applications', 'push', 'knocking', 'legs'].map(
      (resource) => [`/*/${resource}/**`, {}],
    ),
  ),
};

/// Starts a server, with more arguments for it: its door's URL and the native one's, the
/// application, and what a backend does.
export async function openDoor(more = []) {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  const server = await dev(folder, more);
  const { url: native, operator_key, application, doors } = server.ready;
  const url = doors.nexmo;
  const privateKey = await readFile(application.nexmo.private_key_file, 'utf8');

  /// A user's token by the vendor's own library.
  const token = (subject, { ttl = 900, acl = CLIENT_ACL } = {}) =>
    tokenGenerate(application.id, privateKey, { subject, ttl, acl });
  /// A backend's token: it names no user.
  const backend = () => tokenGenerate(application.id, privateKey, { ttl: 900 });
  /// A token with just these claims over the usual ones; a claim that is `undefined` is left out.
  const signed = (claims, key = privateKey) => {
    const iat = Math.floor(Date.now() / 1000);
    const all = { application_id: application.id, iat, exp: iat + 900, jti: randomUUID(), acl: CLIENT_ACL, ...claims };
    const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    // From text, so that the library judges no claim: a door must.
    return jsonwebtoken.sign(JSON.stringify(given), key, { algorithm: 'RS256', header: { typ: 'JWT' } });
  };
  /// A call of the door's REST.
  const rest = (method, path, { token: bearer, ...options } = {}) => call(url, method, path, { bearer, ...options });
  /// Makes a user as a backend does, through the Conversation API.
  const user = async (name, more = {}) => {
    const body = { name, display_name: name[0].toUpperCase() + name.slice(1), ...more };
    const made = await rest('POST', '/v1/users', { token: backend(), body });
    assert.equal(made.status, 201, `POST /v1/users for ${name}: ${JSON.stringify(made.body)}`);
    return made.body;
  };
  /// Ends the server, and holds its log to its promise.
  const stop = async () => {
    const { stderr } = await server.stop();
    await rm(folder, { recursive: true });
    assert.doesNotMatch(stderr, /cs_(at|rt|sk)_|eyJ/, 'no token is in the log');
    assert.doesNotMatch(stderr, /panicked/, 'nothing panicked');
  };
  return { url, native, operator_key, application, privateKey, token, backend, signed, rest, user, stop };
}
