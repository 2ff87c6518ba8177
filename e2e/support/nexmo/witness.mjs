// What somebody is told, in order, and a test that waits for something of it.
import { inTime, deferred } from '../place.mjs';

/// How long anything may take that was asked of an SDK.
export const DEADLINE_MS = 10_000;
/// Observations that a failure shows.
const SHOWN = 40;

/// Keeps what `who` is told and complains of: {hears, complains, sees, told, complaints}.
export function witness(who) {
  const told = [];
  const complaints = [];
  const taken = new Set();
  const waiting = new Set();

  const look = (pattern) => {
    const found = told.find((observation) => !taken.has(observation) && matches(pattern, observation));
    if (found) taken.add(found);
    return found;
  };
  return {
    told,
    complaints,
    hears(observation) {
      told.push(observation);
      for (const one of [...waiting]) one();
    },
    complains: (complaint) => void complaints.push(complaint),
    /// The first that matches, of those that were not taken before; now, or when it comes.
    async sees(pattern, deadline = DEADLINE_MS) {
      const now = look(pattern);
      if (now) return now;
      const later = deferred();
      const again = () => {
        const found = look(pattern);
        if (found) later.resolve(found);
      };
      waiting.add(again);
      try {
        return await inTime(`${who} sees ${show(pattern)}`, later.promise, deadline);
      } catch (error) {
        error.message += `; was told, and nobody asked for it:\n${rest(told, taken)}\ncomplaints: ${show(complaints)}`;
        throw error;
      } finally {
        waiting.delete(again);
      }
    },
    /// What is there and matches; nothing is taken.
    saw: (pattern) => told.filter((observation) => matches(pattern, observation)),
  };
}

const rest = (told, taken) => told.filter((one) => !taken.has(one)).slice(-SHOWN).map(show).join('\n');

/// For messages: patterns have functions and expressions in them.
function show(value) {
  const said = (_, part) => (typeof part === 'function' || part instanceof RegExp ? String(part) : part);
  return JSON.stringify(value, said);
}

/// Whether a value has all that a pattern has. A function of a pattern judges for itself,
/// an expression is for text, and `undefined` means that there is nothing.
export function matches(pattern, value) {
  if (typeof pattern === 'function') return pattern(value);
  if (pattern instanceof RegExp) return typeof value === 'string' && pattern.test(value);
  if (pattern === undefined) return value === undefined || value === null;
  if (pattern === null || typeof pattern !== 'object') return Object.is(pattern, value);
  if (value === null || typeof value !== 'object') return false;
  if (Array.isArray(pattern) && pattern.length !== value.length) return false;
  return Object.entries(pattern).every(([key, part]) => matches(part, value[key]));
}
