import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CourseError } from '../core/errors.ts';
import type { ServiceName } from './service.ts';

/** How a service runs: as a container, as a process of ours, or somewhere else. */
export type Way = 'docker' | 'local' | 'env';

/** What is remembered of a service between two commands. */
export interface Remembered {
  way: Exclude<Way, 'env'>;
  port: number;
  /** Of a process of ours. */
  pid?: number;
}

/** What `.services/state.json` holds. */
export type State = Partial<Record<ServiceName, Remembered>>;

/** Where the services' files are. All paths are absolute. */
export interface Place {
  /** The repository, in which docker-compose.yml lies. */
  root: string;
  /** `.services/`: data, logs, and what is remembered. */
  dir: string;
}

/** The place of this repository's services; FANOUT_SERVICES_DIR puts their data elsewhere. */
export function defaultPlace(): Place {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  return { root, dir: resolve(process.env.FANOUT_SERVICES_DIR || join(root, '.services')) };
}

/** The files of one service. */
export function filesOf(place: Place, name: ServiceName) {
  const dir = join(place.dir, name);
  return {
    dir,
    data: join(dir, 'data'),
    log: join(dir, `${name}.log`),
    /** Written when the data folder is complete; holds the kind of server it belongs to. */
    ready: join(dir, 'ready'),
  };
}

/** What is remembered; nothing when there is no state or it cannot be read. */
export function readState(place: Place): State {
  try {
    return JSON.parse(readFileSync(join(place.dir, 'state.json'), 'utf8')) as State;
  } catch {
    return {};
  }
}

/** Remembers `state`, whole or not at all. */
export function writeState(place: Place, state: State): void {
  onDisk(place, () => {
    const file = join(place.dir, 'state.json');
    writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`);
    renameSync(`${file}.new`, file);
  });
}

/** Makes the folder of the services, with a .gitignore so that it is ignored wherever it is. */
export function makePlace(place: Place): void {
  onDisk(place, () => {
    mkdirSync(place.dir, { recursive: true });
    writeFileSync(join(place.dir, '.gitignore'), '*\n');
  });
}

const DISK_TROUBLE: Record<string, string> = {
  ENOSPC: 'the disk is full: free about 1 GB',
  EDQUOT: 'your disk quota is used up: free about 1 GB',
  EROFS: 'the disk is read-only: use a copy of the repository on a disk that can be written',
  // What Node reports for a folder that is to be made on a read-only disk.
  ENOENT: 'that folder cannot be made: its disk may be read-only',
  EACCES: 'you may not write there: change the folder’s owner or rights',
  EPERM: 'you may not write there: change the folder’s owner or rights',
  ENOTDIR: 'a file is where a folder should be: remove it',
  EEXIST: 'a file is where a folder should be: remove it',
};

/**
 * Runs `work`, which writes under the place.
 *
 * @throws {CourseError} that says what to do when the disk refuses.
 */
export function onDisk<T>(place: Place, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const trouble = DISK_TROUBLE[(error as NodeJS.ErrnoException).code ?? ''];
    if (trouble === undefined) throw error;
    throw new CourseError(
      `The services keep their data in ${place.dir}, and ${trouble}, or name another folder in FANOUT_SERVICES_DIR, and try again.`,
      1,
    );
  }
}
