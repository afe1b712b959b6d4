import { randomBytes } from 'node:crypto';
import createError from '@fastify/error';
import type { FastifyBaseLogger } from 'fastify';
import type { Kysely } from 'kysely';
import type { Account } from '../accounts/schemas.ts';
import type { Database } from '../database.ts';
import type { Chunk } from '../maintenance/jobs.ts';
import type { ProfileService } from '../profiles/service.ts';
import type { Storage } from '../storage/storage.ts';
import { deleteUpload, findExpired, findSize, insertUpload } from './repository.ts';
import type { NewUpload, Upload } from './schemas.ts';

export const NoDirectUploads = createError('NO_DIRECT_UPLOADS', 'Upload through the API', 409);
export const UploadNotFound = createError('UPLOAD_NOT_FOUND', 'There is no such upload', 404);
export const NotUploaded = createError('NOT_UPLOADED', 'Nothing has been uploaded yet', 409);
export const WrongSize = createError('WRONG_SIZE', 'This is not of the size announced', 400);

const TEN_MINUTES = 600_000;

/** Uploads that go to the storage directly: their bytes come by here only once, to be checked. */
export class UploadService {
  readonly #db: Kysely<Database>;
  readonly #storage: Storage;
  readonly #profiles: ProfileService;
  readonly #log: FastifyBaseLogger;

  constructor(
    db: Kysely<Database>,
    storage: Storage,
    profiles: ProfileService,
    log: FastifyBaseLogger,
  ) {
    this.#db = db;
    this.#storage = storage;
    this.#profiles = profiles;
    this.#log = log;
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

  /**
   * Makes what was uploaded the user's avatar, by what it is and not by what was announced. The
   * object goes either way; the row stays, because until it expires the form can be sent again.
   *
   * @throws {UploadNotFound}, {NotUploaded}, {WrongSize}, or as `ProfileService.changeAvatar` does
   */
  async confirm(userId: string, id: string): Promise<Account> {
    const size = await findSize(this.#db, id, userId);
    if (size === undefined) throw new UploadNotFound();
    try {
      return await this.#profiles.changeAvatar(userId, await this.#read(keyOf(id), size));
    } finally {
      const remove = this.#storage.delete(keyOf(id));
      await remove.catch((error) => this.#log.error(error, 'an upload stays until it expires'));
    }
  }

  /** Reads no more than was announced: the object may have any size. */
  async #read(key: string, size: number): Promise<Buffer> {
    const stream = await this.#storage.get(key);
    if (!stream) throw new NotUploaded();
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of stream) {
      length += chunk.length;
      if (length > size) throw new WrongSize();
      chunks.push(chunk);
    }
    if (length < size) throw new WrongSize();
    return Buffer.concat(chunks);
  }

  /** An hour late: what was begun in time may end after it. The row goes last, so it can be retried. */
  async sweep(): Promise<Chunk> {
    const ids = await findExpired(this.#db, new Date(Date.now() - 6 * TEN_MINUTES));
    for (const id of ids) {
      await this.#storage.delete(keyOf(id));
      await deleteUpload(this.#db, id);
    }
    return { looked: ids.length, mended: ids.length, last: ids.at(-1) };
  }
}

/** Not a name that `GET /api/media` serves. */
function keyOf(id: string): string {
  return `${id}.upload`;
}
