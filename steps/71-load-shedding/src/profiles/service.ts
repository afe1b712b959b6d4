import type { FastifyBaseLogger } from 'fastify';
import type { Kysely } from 'kysely';
import type { Account } from '../accounts/schemas.ts';
import { AccountGone, type AccountService } from '../accounts/service.ts';
import type { Database } from '../database.ts';
import { toAvatar } from '../media/images.ts';
import { newName, type Storage } from '../storage/storage.ts';
import { lockAvatar, updateAvatar } from './repository.ts';

/** What users show of themselves. */
export class ProfileService {
  readonly #db: Kysely<Database>;
  readonly #storage: Storage;
  readonly #accounts: AccountService;
  readonly #log: FastifyBaseLogger;

  constructor(
    db: Kysely<Database>,
    storage: Storage,
    accounts: AccountService,
    log: FastifyBaseLogger,
  ) {
    this.#db = db;
    this.#storage = storage;
    this.#accounts = accounts;
    this.#log = log;
  }

  /**
   * Makes an avatar of an image. The database never names a file that is not there: the new one is
   * stored before it is named, the old one goes after the commit. And nothing is stored for who is
   * not there any more. @throws what `toAvatar` throws, or {AccountGone}
   */
  async changeAvatar(userId: string, image: Buffer): Promise<Account> {
    await this.#accounts.get(userId);
    const bytes = await toAvatar(image);
    const name = newName();
    const old = await this.#db.transaction().execute(async (trx) => {
      const profile = await lockAvatar(trx, userId);
      if (!profile) throw new AccountGone();
      await this.#storage.put(name, bytes);
      await updateAvatar(trx, userId, name).catch(async (error) => {
        await this.#remove(name);
        throw error;
      });
      return profile.avatar;
    });
    await this.#accounts.changed(userId);
    if (old) await this.#remove(old);
    return this.#accounts.get(userId);
  }

  /** A file that cannot be removed is unnamed and does no harm: that is no reason to fail. */
  async #remove(name: string): Promise<void> {
    await this.#storage
      .delete(name)
      .catch((error) => this.#log.error(error, 'a file stays behind'));
  }
}
