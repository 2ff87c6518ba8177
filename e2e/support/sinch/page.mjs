// A page that has loaded sinch-rtc, unmodified, as its package holds it for Node: what it
// requires is there under the names by which it asks, and each as its maker built it for pages.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asking, hearing } from './person.mjs';

const require = createRequire(import.meta.url);
const package_of = (name) => dirname(require.resolve(`${name}/package.json`));

const SINCH = {
  script: join(package_of('sinch-rtc'), 'lib', 'sinch.node.min.js'),
  global: 'SinchClient',
  subject: fileURLToPath(new URL('./subject.mjs', import.meta.url)),
  more: {
    'pubnub.js': join(package_of('pubnub'), 'modern', 'dist', 'pubnub.js'),
    'q.js': join(package_of('q'), 'q.js'),
  },
  before: `<script src="pubnub.js"></script>
<script src="q.js"></script>
<script>
  const parts = {
    pubnub: PUBNUB,
    q: Q,
    xmlhttprequest: { XMLHttpRequest },
    localStorage,
    btoa: btoa.bind(window),
    atob: atob.bind(window),
    wrtc: {},
    'sinch-ticketgen': {},
    '../VERSION': { version: ['', '1.4.12'] },
  };
  Object.assign(window, { global: window, module: {}, exports: {}, require: (name) => parts[name] });
</script>
`,
};

/// A user of a page in a window of its own.
export async function pageOf(browser, who) {
  const ears = hearing();
  const complaints = [];
  const complains = (complaint) => complaints.push(complaint);
  const { ask, dispose } = await browser.load(who, SINCH, { hears: ears.hears, complains, complaints });
  return { ...asking(ask), ...ears, complaints, leaves: dispose };
}
