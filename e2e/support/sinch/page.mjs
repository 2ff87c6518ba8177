// A page that has loaded sinch-rtc, unmodified, as its package holds it for Node: what it
// requires is there under the names by which it asks.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asking, hearing } from './person.mjs';

const require = createRequire(import.meta.url);
const package_of = (name) => dirname(require.resolve(`${name}/package.json`));
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/// What its vendor puts into one file for pages, in this order.
export const SCRIPTS = [
  join(package_of('pubnub'), 'modern', 'dist', 'pubnub.js'),
  join(package_of('q'), 'q.js'),
  here('./page_surroundings.js'),
  join(package_of('sinch-rtc'), 'lib', 'sinch.node.min.js'),
];
const SINCH = { scripts: SCRIPTS, global: 'SinchClient', subject: here('./subject.mjs') };

/// A user of a page in a window of its own.
export async function pageOf(browser, who) {
  const ears = hearing();
  const complaints = [];
  const complains = (complaint) => complaints.push(complaint);
  const { ask, dispose } = await browser.page(who, SINCH, { hears: ears.hears, complains });
  return { ...asking(ask), ...ears, complaints, leaves: dispose };
}
