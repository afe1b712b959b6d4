import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Storage } from './storage.ts';

/** Keeps files in one folder, which is made with the first of them. */
export class DiskStorage implements Storage {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Under another name first: a file that is there is there whole, whenever the process dies. */
  async put(name: string, bytes: Buffer): Promise<void> {
    const file = this.#path(name);
    await mkdir(this.#folder, { recursive: true });
    try {
      await writeFile(`${file}.part`, bytes, { flush: true });
      await rename(`${file}.part`, file);
    } catch (error) {
      await rm(`${file}.part`, { force: true });
      throw error;
    }
  }

  async get(name: string): Promise<Readable | undefined> {
    try {
      // Opened before anything is answered: a missing file is a 404, not an answer that breaks off.
      return (await open(this.#path(name))).createReadStream();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async delete(name: string): Promise<void> {
    await rm(this.#path(name), { force: true });
  }

  #path(name: string): string {
    if (basename(name) !== name) throw new Error('A name in the storage is no path');
    return join(this.#folder, name);
  }
}
