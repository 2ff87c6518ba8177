// The sinch door of a server in development, with tickets as a backend makes them.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tokenGenerate } from '@vonage/jwt';
import { call, dev } from '../countersign.mjs';
import { person, pointed } from './person.mjs';

const ticketgen = createRequire(import.meta.url)('sinch-ticketgen');

/// Starts a server: its door, and what a backend and users do. `before` is the folder of
/// one that was stopped and has left it.
export async function openDoor(more = [], before) {
  const folder = before ?? (await mkdtemp(join(tmpdir(), 'countersign-e2e-')));
  const server = await dev(folder, more);
  const { url: native, operator_key, application, doors } = server.ready;
  const { key, secret } = application.sinch;
  const url = doors.sinch;

  /// A user's ticket by the vendor's own generator.
  const ticket = (username, created = new Date(), by = secret) => ticketgen(key, by, { username }, created).userTicket;
  /// A process with the SDK and a client in it that points here.
  const client = async (options = {}) => {
    const who = await person(application.sinch.tls_certificate_file);
    const anew = (changed = {}) => who.does('make', pointed(url, key, { ...options, ...changed }));
    await anew();
    return { ...who, anew, start: (how) => who.does('start', how), refused: (how) => who.fails('start', how) };
  };
  /// A user who is told messages, in a process of their own.
  const listener = async (name, options = {}) => {
    const who = await client({ startActiveConnection: true, ...options });
    await who.start({ userTicket: ticket(name) });
    return { ...who, name };
  };
  /// A call of the native API by the application's backend.
  const backend = async (status, method, path, body) => {
    const answer = await call(native, method, path, { bearer: application.api_key, body });
    assert.equal(answer.status, status, `${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  /// A user of the nexmo door, by name: what calls of its REST answer.
  const nexmoToken = async (subject) => {
    const key = await readFile(application.nexmo.private_key_file, 'utf8');
    return tokenGenerate(application.id, key, { subject, ttl: 900, acl: { paths: { '/**': {} } } });
  };
  const asks = (base, bearer) => async (method, path, body) => {
    const answer = await call(base, method, path, { bearer, body });
    assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const nexmoUser = async (name) => asks(doors.nexmo, await nexmoToken(name));
  /// The same at the native door.
  const nativeUser = async (name) => {
    const body = { credential: await nexmoToken(name) };
    const login = await call(native, 'POST', '/v1/sessions', { bearer: application.publishable_key, body });
    assert.equal(login.status, 201, JSON.stringify(login.body));
    return asks(native, login.body.access_token);
  };
  /// A user's open sessions, the newest first.
  const sessions = async (name) => {
    const { users } = await backend(200, 'GET', `/v1/users?name=${name}`);
    return (await backend(200, 'GET', `/v1/sessions?user_id=${users[0].id}`)).sessions;
  };
  /// Ends the server, and holds its log to its promise. Its folder can stay for another.
  const stop = async (secrets = [], { leave = false } = {}) => {
    const { stderr } = await server.stop();
    if (!leave) await rm(folder, { recursive: true });
    for (const one of [secret, 'eyJ', ...secrets]) assert.ok(!stderr.includes(one), 'no secret is in the log');
    assert.doesNotMatch(stderr, /panicked/, 'nothing panicked');
  };
  return { folder, url, native, operator_key, application, key, secret, ticket, client, listener, nexmoUser, nativeUser, backend, sessions, stop };
}
