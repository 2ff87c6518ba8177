// Canaries: secrets that are driven through the program, and looked for wherever
// it writes. A canary is {name, bytes, stands, whole?}: `stands` are the places
// where it may be found, and must be, since a search that finds nothing anywhere
// proves nothing.
import { createPrivateKey, randomBytes } from 'node:crypto';

/// All that were planted.
export const canaries = [];

/// A canary, and the places where it stands: nowhere, unless they are named.
export function plant(name, value, ...stands) {
  canaries.push({ name, bytes: Buffer.from(value), stands: stands.sort() });
  return value;
}

/// A text that occurs nowhere else.
export const word = (name, ...stands) => plant(name, `canary-${randomBytes(16).toString('hex')}`, ...stands);

/// Bytes that occur nowhere else, as base64.
export const bytes = (name, length, ...stands) => plant(name, randomBytes(length), ...stands).toString('base64');

/// A credential, and what makes it one. Its beginning is that of others.
export function credential(name, text) {
  plant(`${name}'s signature`, Buffer.from(text.split(/[.:]/).at(-1), 'base64url'));
  plant(name, text);
  canaries.at(-1).whole = true;
  return text;
}

/// The tokens of an answer. Their end is the MAC.
export function tokens(name, answer) {
  for (const kind of ['access_token', 'refresh_token']) {
    plant(`${kind} of ${name}`, answer[kind]);
    plant(`MAC of ${kind} of ${name}`, Buffer.from(answer[kind].slice(6), 'base64url').subarray(-32));
  }
  return answer;
}

/// An API key. Its end is what nobody can guess.
export function apiKey(name, text, ...stands) {
  plant(`secret part of ${name}`, Buffer.from(text.slice(6), 'base64url').subarray(-32), ...stands);
  return plant(name, text, ...stands);
}

/// A private key in PEM, told by a line of the file's second half, where nothing
/// public is. One that stands nowhere is told by its number too, which in PEM is
/// parted by lines.
export function privateKey(name, pem, ...stands) {
  const { d } = createPrivateKey(pem).export({ format: 'jwk' });
  if (stands.length === 0) plant(`number of ${name}`, Buffer.from(d, 'base64url'));
  const lines = pem.trim().split('\n').slice(1, -1);
  plant(`line of ${name}`, Buffer.from(lines[Math.floor(lines.length / 2)], 'base64'), ...stands);
  return pem;
}

/// Of a longer secret its beginning, middle and end are looked for as well,
/// unless it is told by its `whole` alone: a file of pages may hold it in parts,
/// and a line may be cut.
const PART = 32;

/// A canary's bytes in every spelling that a program would write them in. Those
/// in base64 are of all three alignments, without what depends on neighbours:
/// a secret stands so within a longer text that is encoded as a whole.
export function spellings({ bytes, whole = false }) {
  const all = [];
  for (const part of whole ? [bytes] : parts(bytes)) {
    const hex = part.toString('hex');
    const percent = [...part].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
    all.push(part, hex, hex.toUpperCase(), percent, percent.toUpperCase());
    for (let before = 0; before < 3; before += 1) {
      const padded = Buffer.concat([Buffer.alloc(before), part]).toString('base64').replace(/=+$/, '');
      const spelled = padded.slice(before && before + 1, padded.length - ((part.length + before) % 3 && 1));
      all.push(spelled, spelled.replaceAll('+', '-').replaceAll('/', '_'), spelled.replaceAll('/', '\\/'));
    }
    const text = part.toString();
    if (!Buffer.from(text).equals(part)) continue;
    const json = JSON.stringify(text).slice(1, -1);
    const escaped = [...text].map((each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
    all.push(encodeURIComponent(text), new URLSearchParams({ '': text }).toString().slice(1), json);
    all.push(json.replaceAll('/', '\\/'), escaped);
  }
  const distinct = new Map(all.map((each) => Buffer.from(each)).map((each) => [each.toString('latin1'), each]));
  return [...distinct.values()];
}

/// The places among these texts, {place, bytes}, in which each canary stands:
/// a map from its name to a sorted list.
export function search(canaries, texts) {
  return new Map(
    canaries.map((canary) => {
      const spelled = spellings(canary);
      const found = texts.filter((text) => spelled.some((each) => text.bytes.includes(each)));
      return [canary.name, [...new Set(found.map(({ place }) => place))].sort()];
    }),
  );
}

function parts(bytes) {
  if (bytes.length < 2 * PART) return [bytes];
  const middle = (bytes.length - PART) >> 1;
  return [bytes, bytes.subarray(0, PART), bytes.subarray(middle, middle + PART), bytes.subarray(-PART)];
}
