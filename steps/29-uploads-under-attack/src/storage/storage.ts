import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';

/** Where files are kept. A name is used once: what it stands for never changes. */
export interface Storage {
  /** Stores a file, all of it or nothing. */
  put(name: string, bytes: Buffer): Promise<void>;
  /** The bytes of a file; undefined if there is none. */
  get(name: string): Promise<Readable | undefined>;
  /** Removes a file. One that is not there is gone already. */
  delete(name: string): Promise<void>;
}

/** A new name that nobody can guess: 128 random bits. */
export function newName(): string {
  return `${randomBytes(16).toString('base64url')}.webp`;
}
