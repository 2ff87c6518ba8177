// A look at what is there, compared with all that was observed before it.
import assert from 'node:assert/strict';
import { faults } from './checker.mjs';
import { refreshed, worth } from './guest.mjs';

/// Sessions that a look under load asks for; the last look asks for all.
const SESSIONS_LATEST = 30;
/// Faults that are shown.
const SHOWN = 20;

/// Compares, and answers the histories, for the next look. The load may go on
/// meanwhile: what it observes after the beginning is for the next look. A `whole`
/// look is the last one: it uses up the refresh tokens.
export async function look({ observations, histories, ask }, before, { after, whole = false }) {
  const { attempts, acknowledged, seen, sessions } = observations;
  const observed = { acknowledged: [...acknowledged], seen: [...seen] };
  const judged = [];
  for (const session of whole ? [...sessions] : sessions.slice(-SESSIONS_LATEST)) {
    const { revoked } = session;
    const found = await worth(ask, session);
    if (whole) found.refreshed = await refreshed(ask, session);
    // One that was revoked meanwhile is for the next look.
    if (session.revoked === revoked) judged.push({ ...session, ...found });
  }
  const found = await histories();
  const wrong = faults({ ...observed, attempts, sessions: judged }, found, before);
  assert.deepEqual(wrong.slice(0, SHOWN), [], `after ${after}, ${wrong.length} faults`);
  return found;
}
