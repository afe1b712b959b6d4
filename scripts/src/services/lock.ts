import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CourseError } from '../core/errors.ts';
import { onDisk, type Place } from './place.ts';
import { isAlive } from './processes.ts';

/** An installation of packages may hold the lock, so others wait long before they give up. */
const PATIENCE_MS = 10 * 60_000;

/**
 * Runs `work` while no other process runs any under the same place. The lock is a file with the
 * holder's process id; that of a process that is gone does not count.
 *
 * @throws {CourseError} when the lock is not free within ten minutes.
 */
export async function locked<T>(place: Place, work: () => Promise<T>): Promise<T> {
  const file = join(place.dir, 'lock');
  const end = Date.now() + PATIENCE_MS;
  while (!onDisk(place, () => take(file))) {
    dropStale(file);
    if (Date.now() > end) {
      throw new CourseError(
        `Another course command (process ${holder(file)}) has been busy with the services for ten minutes: end it and try again.`,
        1,
      );
    }
    await sleep(50);
  }
  const release = () => rmSync(file, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

/** Takes the lock if it is free. */
function take(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    // On a full disk the file can be made but not filled.
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') rmSync(file, { force: true });
    throw error;
  }
}

/** Removes the lock of a process that is gone; puts it back if another took it meanwhile. */
function dropStale(file: string): void {
  const pid = holder(file);
  if (pid === undefined || isAlive(pid)) return;
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
    const moved = holder(aside);
    rmSync(aside, { force: true });
    if (moved !== pid) writeFileSync(file, String(moved), { flag: 'wx' });
  } catch {
    // Another process was quicker.
  }
}

function holder(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8')) || undefined;
  } catch {
    return undefined;
  }
}
