// The backends of the quick start: for each language, what its own client of packages has
// installed for the tests. Node and Python have theirs for all guides, Ruby has it from
// Debian, and Maven fetches what a guide's own file names.
import { access, copyFile, mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(`../backends/${path}`, import.meta.url));

/// What cannot be run, where the set-up could not have it: a reason for each command.
const PHP = 'firebase/php-jwt is not there: its registry could not be reached by the set-up';

/// Puts into a reader's folder what they would have installed. The answer says why a
/// block cannot be run, if so.
export async function installed(folder) {
  await mkdir(join(folder, 'go'));
  for (const name of ['go.mod', 'go.sum']) await copyFile(here(`go/${name}`), join(folder, 'go', name));
  const vendor = here('php/vendor');
  const hasPhp = await access(join(vendor, 'autoload.php')).then(() => true, () => false);
  if (hasPhp) {
    await mkdir(join(folder, 'php'));
    await symlink(vendor, join(folder, 'php', 'vendor'));
  }
  return (code) => (code.startsWith('php ') && !hasPhp ? PHP : null);
}
