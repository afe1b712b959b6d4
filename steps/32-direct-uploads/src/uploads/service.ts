import { randomBytes } from 'node:crypto';
import createError from '@fastify/error';
import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';
import type { Storage } from '../storage/storage.ts';
import { insertUpload } from './repository.ts';
import type { NewUpload, Upload } from './schemas.ts';

export const NoDirectUploads = createError('NO_DIRECT_UPLOADS', 'Upload through the API', 409);

const TEN_MINUTES = 600_000;

/** Uploads that go to the storage directly: their bytes do not come by here. */
export class UploadService {
  readonly #db: Kysely<Database>;
  readonly #storage: Storage;

  constructor(db: Kysely<Database>, storage: Storage) {
    this.#db = db;
    this.#storage = storage;
  }

  /** Lets a user put one object of this type and size under a key of ours. @throws {NoDirectUploads} */
  async open(userId: string, { type, size }: NewUpload): Promise<Upload> {
    if (!this.#storage.presign) throw new NoDirectUploads();
    const id = randomBytes(16).toString('base64url');
    const expires_at = new Date(Date.now() + TEN_MINUTES);
    // The row first: there is never an object that no row leads to.
    await insertUpload(this.#db, { id, user_id: userId, size, expires_at });
    const form = await this.#storage.presign(keyOf(id), type, size, expires_at);
    return { id, ...form, expiresAt: expires_at.toISOString() };
  }
}

/** Not a name that `GET /api/media` serves. */
function keyOf(id: string): string {
  return `${id}.upload`;
}
