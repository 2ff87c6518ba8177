// An application with people and conversations, for a load.
import { randomUUID } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';

const CONVERSATIONS = 3;
/// How each of the people sends, and whether a second device of theirs listens.
const PEOPLE = [
  { talks: 'socket', listens: true },
  { talks: 'socket', listens: false },
  { talks: 'socket', listens: false },
  { talks: 'HTTP', listens: true },
  { talks: 'HTTP', listens: false },
];

/// Opens an application on a server that runs. All people are in all conversations.
export async function open(place, operatorKey) {
  const asked = async (path, bearer, body) => {
    const answer = await place.insist('POST', path, { bearer, body });
    if (answer.status !== 201) throw new Error(`${path}: ${answer.status} ${answer.body.code}`);
    return answer.body;
  };
  const { id } = await asked('/v1/applications', operatorKey, { name: 'Load' });
  const under = (path, body) => asked(`/v1/applications/${id}${path}`, operatorKey, body);
  const { secret } = await under('/keys', { algorithm: 'HS256' });
  const { key: page } = await under('/api-keys', { name: 'page', roles: ['tracking'] });
  const { key: backend } = await under('/api-keys', { name: 'backend', roles: ['admin', 'user'] });
  const shop = { id, secret, page, backend, people: [], conversations: [] };

  for (const [index, manner] of PEOPLE.entries()) {
    const name = `person-${index + 1}`;
    const login = () => asked('/v1/sessions', page, { credential: mint(shop, name).credential });
    const [first, second] = [await login(), await login()];
    const tokens = [first.access_token, second.access_token];
    shop.people.push({ name, user: first.user.id, tokens, ...manner });
  }
  const [host, ...others] = shop.people;
  for (let number = 1; number <= CONVERSATIONS; number += 1) {
    const made = await asked('/v1/conversations', host.tokens[0], { name: `talk-${number}` });
    shop.conversations.push(made.id);
    for (const { user } of others) {
      await asked(`/v1/conversations/${made.id}/members`, backend, { user: { id: user }, state: 'joined' });
    }
  }
  return shop;
}

/// A credential that opens one session, and its `jti`.
export function mint({ id, secret }, subject) {
  const iat = Math.floor(Date.now() / 1000);
  const jti = randomUUID();
  const claims = { iat, exp: iat + 3600, jti, aud: id, sub: subject };
  return { jti, credential: jsonwebtoken.sign(claims, secret, { algorithm: 'HS256' }) };
}
