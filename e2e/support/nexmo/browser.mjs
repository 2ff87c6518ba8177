// People in Chromium, on a page that has loaded one of the SDKs as its vendor built it.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openBrowser as open } from '../browser.mjs';
import { person } from './person.mjs';
import { witness } from './witness.mjs';

const require = createRequire(import.meta.url);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const NEXMO_CLIENT = {
  scripts: [join(dirname(require.resolve('nexmo-client')), 'nexmoClient.min.js')],
  global: 'NexmoClient',
  subject: here('./subject.mjs'),
};

export const CLIENT_SDK = {
  // What the package exports is for bundlers.
  scripts: [join(dirname(require.resolve('@vonage/client-sdk')), '..', 'vonageClientSDK.min.js')],
  global: 'vonageClientSDK',
  subject: here('./client_sdk_subject.mjs'),
};

/// Starts a browser: {page, close}.
export async function openBrowser() {
  const { page, close } = await open();
  return {
    close,
    page: async (who, kind = NEXMO_CLIENT) => {
      const ears = witness(who);
      const { ask, dispose } = await page(who, kind, ears);
      return person(who, ears, ask, dispose);
    },
  };
}
