// Guests: each logs in, may connect and refresh, and stays or is sent away. An
// answer that was lost is asked for again, as clients do: the same credential
// with the same nonce, the same refresh with the same nonce, the same revocation.
import { randomUUID } from 'node:crypto';
import { mint } from './shop.mjs';
import { inTime } from './place.mjs';

/// How often a guest does something, of 1.
const CONNECTS = 0.4;
const REFRESHES = 0.4;
const LEAVES = 0.6;

/// By what a guest is sent away: by itself, or by a revocation of this.
const WAYS_OUT = ['itself', 'session_id', 'user_id', 'device_id', 'jti'];

/// One guest after the other. `note` is given each session as soon as it is
/// answered; what becomes of it is written into it.
export async function comeAndGo(world, name, note) {
  for (let number = 1; !world.stopping(); number += 1) await visit(world, `${name}-${number}`, note);
}

/// What its tokens are worth, by status and code.
export async function worth(ask, session) {
  const read = await ask('GET', '/v1/sessions', { bearer: session.access_token });
  return { read: brief(read), listed: read.body.sessions?.length };
}

/// Whether it can be refreshed.
export async function refreshed(ask, session) {
  const body = { refresh_token: session.refresh_token, nonce: randomUUID() };
  return brief(await ask('POST', '/v1/sessions/refresh', { body }));
}

const brief = ({ status, body }) => ({ status, code: body.code });

async function visit({ shop, ask, connect, random, pick }, name, note) {
  const { credential, jti } = mint(shop, name);
  const body = { credential, nonce: randomUUID() };
  const login = await ask('POST', '/v1/sessions', { bearer: shop.page, body });
  if (login.status !== 201) throw new Error(`${name} was answered ${login.status} ${login.body.code}`);
  const { session: opened, user, access_token, refresh_token } = login.body;
  const session = note({ id: opened.id, user: user.id, revoked: 'no', access_token, refresh_token });

  let device = null;
  if (random() < CONNECTS) {
    device = connect(access_token);
    await inTime(`${name} is welcome`, Promise.race([device.ready, device.closed]));
  }
  if (random() < REFRESHES) {
    const body = { refresh_token, nonce: randomUUID() };
    const next = await ask('POST', '/v1/sessions/refresh', { body });
    if (next.status !== 200) throw new Error(`${name} was refreshed with ${next.status} ${next.body.code}`);
    Object.assign(session, { access_token: next.body.access_token, refresh_token: next.body.refresh_token });
  }
  if (random() < LEAVES) {
    const targets = { session_id: opened.id, user_id: user.id, device_id: opened.device_id, jti };
    session.revoked = 'asked';
    await leave({ shop, ask }, pick(WAYS_OUT), targets, session.access_token);
    session.revoked = 'answered';
    if (device) session.closed = await inTime(`${name} is closed`, device.closed);
  }
  device?.stop();
}

async function leave({ shop, ask }, way, targets, bearer) {
  if (way === 'itself') {
    const { status, body } = await ask('DELETE', '/v1/sessions/current', { bearer });
    // It was carried out, and the answer was lost.
    const twice = status === 401 && body.code === 'session_ended';
    if (status !== 204 && !twice) throw new Error(`a log-out was answered ${status} ${body.code}`);
    return;
  }
  const { status, body } = await ask('POST', '/v1/revocations', { bearer: shop.backend, body: { [way]: targets[way] } });
  if (status !== 201) throw new Error(`a revocation by ${way} was answered ${status} ${body.code}`);
}
