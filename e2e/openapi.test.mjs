// The API's description, as somebody's tool reads it: Schemathesis makes requests from it, as each
// of those who may call, and holds every answer to it.
//
// E2E_SEED is where its chance begins, E2E_EXAMPLES how much it tries with each call, and E2E_PHASES
// by which of its methods: `examples,coverage,fuzzing,stateful` are all.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { call, dev } from './support/countersign.mjs';
import { fuzzed } from './support/openapi/fuzzer.mjs';
import { mint } from './support/shop.mjs';

/// The same at every run: what it finds, it finds again.
const SEED = Number(process.env.E2E_SEED ?? 1);
const EXAMPLES = Number(process.env.E2E_EXAMPLES ?? 2);
/// Bodies of every form take the longest: one who may do nearly everything sends them for all.
const [PHASES, PHASES_WHOLE] = process.env.E2E_PHASES
  ? [process.env.E2E_PHASES, process.env.E2E_PHASES]
  : ['examples,fuzzing', 'examples,coverage,fuzzing'];
const DEADLINE_MS = 240_000 + 20_000 * EXAMPLES;
/// Calls that are made at least, some with each operation.
const CALLS_MIN = 150;

/// Who calls: what it shows, and the ids that it lives by.
const CALLERS = {
  nobody: () => ({ keeps: [] }),
  'a publishable key': ({ page }) => ({ bearer: page.key, keeps: [page.id] }),
  'a visitor': ({ visitor }) => ({ bearer: visitor.access_token, keeps: idsOf(visitor) }),
  'a user': ({ host }) => ({ bearer: host.access_token, keeps: idsOf(host) }),
  "a backend's key": ({ backend }) => ({ bearer: backend.key, keeps: [backend.id] }),
  'an admin key': ({ admin }) => ({ bearer: admin.key, keeps: [admin.id], phases: PHASES_WHOLE }),
  'an operator key': ({ operator }) => ({ bearer: operator, keeps: [] }),
};

// Two at once: most of the time is Python's, on one core.
describe('who calls', { concurrency: 2 }, () => {
  for (const [who, asCaller] of Object.entries(CALLERS)) called(who, asCaller);
});

function called(who, asCaller) {
  test(`no answer to ${who} is one that the description does not have`, async (context) => {
    const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
    const server = await dev(folder);
    try {
      const { bearer, keeps, phases = PHASES } = asCaller(await furnished(server.ready));
      const how = { bearer, keeps, phases, seed: SEED, examples: EXAMPLES, deadline: DEADLINE_MS };
      const { code, calls, said } = await fuzzed(server.ready.url, how);
      context.diagnostic(`${calls} calls`);
      assert.equal(code, 0, said);
      assert.ok(calls >= CALLS_MIN, said);
    } finally {
      const { code, stderr } = await server.stop();
      await rm(folder, { recursive: true });
      assert.equal(code, 0, stderr);
      assert.doesNotMatch(stderr, /panicked| ERROR /);
    }
  });
}

/// An application with keys of every role, people and a conversation: something to find.
async function furnished({ url, operator_key: operator }) {
  const { id } = await made(url, '/v1/applications', operator, { name: 'Shop' });
  const under = (path, body) => made(url, `/v1/applications/${id}${path}`, operator, body);
  const { secret } = await under('/keys', { algorithm: 'HS256' });
  const [page, backend, admin] = await Promise.all(
    ['tracking', 'user', 'admin'].map((role) => under('/api-keys', { name: role, roles: [role] })),
  );
  // Whoever calls may take its time.
  const settings = await call(url, 'PATCH', `/v1/applications/${id}/settings`, { bearer: operator, body: { access_s: 3_600 } });
  assert.equal(settings.status, 200);
  const login = (name) => made(url, '/v1/sessions', page.key, { credential: mint({ id, secret }, name).credential });
  const [host, guest] = [await login('host'), await login('guest')];
  const conversation = await made(url, '/v1/conversations', host.access_token, { name: 'talk' });
  const at = `/v1/conversations/${conversation.id}`;
  await made(url, `${at}/members`, backend.key, { user: { id: guest.user.id }, state: 'joined' });
  await made(url, `${at}/events`, host.access_token, { type: 'text', body: { text: 'hello' } });
  const visitor = await made(url, '/v1/sessions/anonymous', page.key, {});
  return { operator, page, backend, admin, host, visitor };
}

const idsOf = ({ session, user }) => [session.id, session.device_id, user.id];

async function made(url, path, bearer, body) {
  const answer = await call(url, 'POST', path, { bearer, body });
  assert.equal(answer.status, 201, `${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}
