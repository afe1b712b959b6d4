import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';

export interface PresignedForm {
  url: string;
  fields: Record<string, string>;
}

/** Where files are kept. A name is used once: what it stands for never changes. */
export interface Storage {
  /** Stores a file, all of it or nothing. */
  put(name: string, bytes: Buffer): Promise<void>;
  /** The bytes of a file; undefined if there is none. */
  get(name: string): Promise<Readable | undefined>;
  /** Removes a file. One that is not there is gone already. */
  delete(name: string): Promise<void>;
  /** A form that puts one file of this type and size there until then; not every driver has it. */
  presign?(name: string, type: string, size: number, until: Date): Promise<PresignedForm>;
}

/** Stores files for what `work` does: if either fails, none of them stays. */
export async function storeFor<T>(
  storage: Storage,
  files: { name: string; bytes: Buffer }[],
  work: () => Promise<T>,
): Promise<T> {
  try {
    // All of them settle: a file that is still on its way could not be removed.
    const puts = await Promise.allSettled(files.map(({ name, bytes }) => storage.put(name, bytes)));
    for (const put of puts) if (put.status === 'rejected') throw put.reason;
    return await work();
  } catch (error) {
    await Promise.allSettled(files.map(({ name }) => storage.delete(name)));
    throw error;
  }
}

/** A new name that nobody can guess: 128 random bits. */
export function newName(): string {
  return `${randomBytes(16).toString('base64url')}.webp`;
}
