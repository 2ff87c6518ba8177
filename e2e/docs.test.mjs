// The pages for people, in headless Chromium: whole on a desk and on a phone, by day and by night,
// for eyes, keyboards and screen readers, and closed to the world.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openBrowser } from './support/browser.mjs';
import { dev } from './support/countersign.mjs';
import { inTime } from './support/place.mjs';

const AXE = fileURLToPath(import.meta.resolve('axe-core/axe.min.js'));
const LOOKS = [
  { width: 1280, scheme: 'light' },
  { width: 1280, scheme: 'dark' },
  { width: 360, scheme: 'light' },
  { width: 360, scheme: 'dark' },
];

/// How long a long page may take to be judged: every text is held to what is behind it.
const JUDGED_MS = 120_000;
/// With parameters, with bodies of every kind, with members and with alternatives.
const OPENED = ['logIn', 'listUsers', 'updateSettings', 'uploadAttachment', 'deleteEvent', 'schema-SettingsPatch', 'schema-ServerFrame', 'schema-Kid'];

let folder;
let server;
let browser;
let axe;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  server = await dev(folder);
  browser = await openBrowser();
  axe = await readFile(AXE, 'utf8');
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true });
});

const visit = (path) => browser.visitor(path, `${server.ready.url}${path}`);

/// Waits until this is true in a page.
const holds = (page, expression) =>
  inTime(expression, page.evaluate(`new Promise((resolve) => {
    const look = () => ((${expression}) ? resolve() : requestAnimationFrame(look));
    look();
  })`));

// Every page fits into every window; the long one is judged in two, by day and by night.
for (const [path, judged] of [
  ['/docs', [LOOKS[0], LOOKS[3]]],
  ['/errors', LOOKS],
  ['/errors/not_yet_valid', LOOKS],
]) {
  test(`${path} fits, and is for everybody`, async () => {
    const page = await visit(path);
    await page.evaluate(axe);
    // One of each kind of what is closed at first.
    await page.evaluate(`for (const id of ${JSON.stringify(OPENED)}) {
      const around = document.getElementById(id)?.closest('details');
      if (around) around.open = true;
    }`);
    for (const look of LOOKS) {
      await page.looks(look);
      await holds(page, `document.documentElement.scrollWidth <= ${look.width}`);
      if (!judged.includes(look)) continue;
      await inTime('what axe says', page.evaluate(`axe.run({ resultTypes: ['violations'] }).then(({ violations }) => {
        const told = violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3).map(({ html }) => html.slice(0, 200)).join(' | '));
        if (told.length > 0) throw new Error(${JSON.stringify(JSON.stringify(look))} + ' ' + told.join('; '));
      })`), JUDGED_MS);
    }
    await holds(page, `performance.getEntriesByType('resource').length === 0`);
    assert.deepEqual(page.complaints, []);
    await page.dispose();
  });
}

test('a call is found by a few letters, and by its address', async () => {
  const page = await visit('/docs');
  await page.looks(LOOKS[0]);
  await page.press('/', '/');
  await holds(page, `document.activeElement.id === 'search'`);
  for (const letter of 'refresh') await page.press(letter, letter);
  await holds(page, `document.querySelectorAll('details.call:not([hidden])').length === 1`);
  await page.press('Enter', '\r');
  await holds(page, `document.querySelector('#refresh').closest('details').open`);
  await page.dispose();

  const code = await visit('/docs');
  await code.looks(LOOKS[0]);
  await code.evaluate(`search.value = 'too_many_conversations', void search.dispatchEvent(new Event('input'))`);
  await holds(code, `[...document.querySelectorAll('details.call:not([hidden])')].some((one) => one.dataset.call === 'createConversation')`);
  await code.dispose();

  const named = await visit('/docs#logIn');
  await holds(named, `document.querySelector('#logIn').closest('details').open`);
  await holds(named, `document.querySelectorAll('details.call[open]').length === 1`);
  assert.deepEqual([...page.complaints, ...code.complaints, ...named.complaints], []);
  await named.dispose();
});

test('a mistake in a page could reach nothing', async () => {
  const page = await visit('/docs');
  await holds(page, `self.origin === 'null'`);
  for (const reach of [
    `localStorage.length`,
    `document.cookie`,
    `await fetch('/openapi.json')`,
    `await new Promise((done, failed) => {
      const script = document.body.appendChild(document.createElement('script'));
      Object.assign(script, { src: '/openapi.json', onload: done, onerror: failed });
    })`,
  ]) {
    const reached = `(async () => { ${reach} })().then(() => { throw new Error('it was reached') }, () => {})`;
    await page.evaluate(reached);
  }
  const inline = `document.body.appendChild(Object.assign(document.createElement('script'), { textContent: 'self.ran = true' }))`;
  await page.evaluate(`void ${inline}`);
  await holds(page, `self.ran === undefined`);
  await page.dispose();
});
