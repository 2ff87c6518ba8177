// A backend of Kustomer Chat as it is: it reads the secret with its API key whenever somebody
// logs in, and signs with npm's jsonwebtoken. Only the address of the API is another one.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import jsonwebtoken from 'jsonwebtoken';
import { countersign } from './support/countersign.mjs';
import { openDoor } from './support/kustomer/door.mjs';

let door;

before(async () => {
  // All that it can tell: no secret may be in it.
  door = await openDoor(['--log-level', 'trace']);
});

after(() => door?.stop());

const enter = (credential, status = 201) =>
  door.at(status, 'POST', '/v1/sessions', { bearer: door.application.publishable_key, body: { credential } });
const api = async (path, { bearer = door.application.api_key, method = 'GET' } = {}) => {
  const response = await fetch(`${door.url}${path}`, { method, headers: { authorization: `Bearer ${bearer}` } });
  return { status: response.status, headers: response.headers, body: response.status === 204 ? null : await response.json() };
};
const told = (answer, status, code) => {
  assert.equal(answer.status, status, JSON.stringify(answer.body));
  assert.equal(answer.body.errors[0].code, code);
};

test('what a backend signs with the secret that it reads logs its user in', async () => {
  const by = {
    externalId: await enter(await door.mint({ externalId: 'user_8412' })),
    email: await enter(await door.mint({ email: 'jane@example.com' })),
    both: await enter(await door.mint({ externalId: 'user_9', email: 'jane@example.com' })),
  };
  assert.equal(by.externalId.user.external_id, 'user_8412');
  assert.equal(by.email.user.email, 'jane@example.com');
  assert.equal(by.both.user.id, by.email.user.id, 'the address wins');
});

test('a secret that was rotated is good until the next one is', async () => {
  const before = await door.mint({ externalId: 'rotated' });
  const keys = `/v1/applications/${door.application.id}/keys`;
  await door.at(201, 'POST', keys, { body: { algorithm: 'HS256', kid: 'second' } });
  await door.at(200, 'PATCH', `${keys}/second`, { body: { state: 'current' } });
  const { body } = await api('/v1/auth/customer/settings');
  assert.equal(body.data.attributes.kid, 'second');
  const { user } = await enter(await door.mint({ externalId: 'rotated' }));
  assert.equal((await enter(before)).user.id, user.id, 'the previous secret still verifies');
});

test('a key is made by the command line, read as a JWT, listed and revoked', async () => {
  const environment = { COUNTERSIGN_URL: door.native, COUNTERSIGN_KEY: door.application.api_key };
  const run = async (...args) => {
    const { code, stdout, stderr } = await countersign(args, '', environment);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const made = await run('api-key', 'create', 'chat backend', '--role', 'admin', '--role', 'user', '--expires-in-days', '30', '--cidr', '127.0.0.0/8', '--jwt');
  const key = made.trim().split('\n').at(-1);
  const { orgName, org, roles, exp } = jsonwebtoken.decode(key);
  assert.deepEqual({ orgName, org, roles }, { orgName: 'demo', org: door.application.id, roles: ['org.admin', 'org.user'] });
  assert.ok(exp * 1000 > Date.now() + 29 * 86_400_000);
  const { user } = await enter(await door.mint({ externalId: 'by-jwt-key' }, key));
  assert.equal(user.external_id, 'by-jwt-key');

  const { body, headers } = await api('/v1/auth/tokens', { bearer: key });
  assert.ok(Number(headers.get('x-ratelimit-remaining')) > 0);
  const own = body.data.find(({ attributes }) => attributes.name === 'chat backend');
  assert.equal(own.attributes.cidr, '127.0.0.0/8');
  assert.equal((await api('/v1/auth/tokens/current', { bearer: key, method: 'DELETE' })).status, 204);
  told(await api('/v1/auth/customer/settings', { bearer: key }), 401, 'unknown_key');
});

test('a key without both roles, or from elsewhere, reads no secret', async () => {
  const make = async (body) => {
    const path = `/v1/applications/${door.application.id}/api-keys`;
    return (await door.at(201, 'POST', path, { body: { name: 'k', ...body } })).key;
  };
  for (const body of [{ roles: ['admin'] }, { roles: ['user'] }, { roles: ['tracking'] }, { roles: ['admin', 'user'], cidr: '203.0.113.0/24' }]) {
    told(await api('/v1/auth/customer/settings', { bearer: await make(body) }), 403, 'not_permitted');
  }
});
