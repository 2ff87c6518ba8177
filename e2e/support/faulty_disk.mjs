// Two disks that fail: one that does on demand, and one that is small.
import { execFile } from 'node:child_process';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SOURCE = fileURLToPath(new URL('faulty_disk.c', import.meta.url));

const OPERATIONS = { write: 1, sync: 2, size: 4, read: 8 };
const FILES = { database: 1, log: 2, index: 4, other: 8 };
const ALWAYS = 0xffff_ffff;
const FORGETS = 1;
const EVICTS = 2;
/// Where the control file says what is forgotten.
const MEMORY_AT = 16;
/// Where the control file has the number of calls that failed.
const FAILED_AT = 20;
const CONTROL_BYTES = 24;

/// A disk below `folder/data` that fails on demand.
/// The environment is for the process that is to have it.
export async function faultyDisk(folder) {
  const data = join(folder, 'data');
  const library = join(folder, 'faulty_disk.so');
  const path = join(folder, 'control');
  await mkdir(data, { mode: 0o700 });
  await writeFile(path, Buffer.alloc(CONTROL_BYTES));
  await run('cc', ['-Wall', '-Wextra', '-Werror', '-O1', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl', '-pthread']);
  const control = openSync(path, 'r+');
  const set = (words, at = 0) => writeSync(control, Uint32Array.from(words), 0, 4 * words.length, at);
  const bits = (names, of) => names.reduce((all, name) => all | of[name], 0);
  return {
    data,
    environment: { LD_PRELOAD: library, FAULTY_DISK_FOLDER: data, FAULTY_DISK_CONTROL: path },
    /// These operations on these files fail from now on: for ever, or so many times.
    /// With `forget` a sync that fails loses what it should have kept; what was lost
    /// of the database can be read until it is evicted.
    fail({ error, operations, files, times = ALWAYS, forget = false }) {
      const number = constants.errno[error];
      set([number, bits(operations, OPERATIONS), bits(files, FILES), times, forget ? FORGETS : 0, 0]);
    },
    works: () => set([0, 0, 0, 0, 0]),
    /// What was lost of the database cannot be read any more.
    evict: () => set([FORGETS | EVICTS], MEMORY_AT),
    /// The calls that have failed since it began to fail.
    failed() {
      const bytes = Buffer.alloc(4);
      readSync(control, bytes, 0, 4, FAILED_AT);
      return bytes.readUInt32LE();
    },
    dispose: () => closeSync(control),
  };
}

/// A disk of so many mebibytes: {data, fill, free, dispose}; or {refused}, the
/// reason, where this process may not mount one.
export async function smallDisk(folder, mebibytes) {
  const disk = join(folder, 'disk');
  await mkdir(disk);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0700`, 'none', disk]);
  } catch (error) {
    return { refused: error.stderr?.trim() || error.message };
  }
  const data = join(disk, 'data');
  const filler = join(disk, 'filler');
  await mkdir(data, { mode: 0o700 });
  return {
    data,
    /// Takes all the room that is left.
    fill() {
      const file = openSync(filler, 'a');
      try {
        for (let length = 1 << 20; length >= 1; length >>= 1) {
          try {
            for (;;) writeSync(file, Buffer.alloc(length));
          } catch (error) {
            if (error.code !== 'ENOSPC') throw error;
          }
        }
      } finally {
        closeSync(file);
      }
    },
    /// Gives the room back.
    free: () => writeFile(filler, ''),
    dispose: () => run('umount', ['--lazy', disk]),
  };
}
