// A folder of a test's own, and what lies in it.
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/// Gives away a temporary folder that is gone afterwards.
export async function inFolder(use) {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-e2e-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/// What lies in a folder, with content and mode, so that nothing can change unseen.
export async function contents(folder) {
  const all = {};
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const file = join(folder, name);
    const found = await stat(file);
    const whole = found.isFile() ? (await readFile(file)).toString('hex') : null;
    all[name] = [found.mode, whole];
  }
  return all;
}
