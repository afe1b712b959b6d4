import type { Kysely } from 'kysely';
import type { Account } from '../accounts/schemas.ts';
import type { AccountService } from '../accounts/service.ts';
import type { Database } from '../database.ts';
import { toAvatar } from '../media/images.ts';
import { newName, type Storage } from '../storage/storage.ts';
import { updateAvatar } from './repository.ts';

/** What users show of themselves. */
export class ProfileService {
  readonly #db: Kysely<Database>;
  readonly #storage: Storage;
  readonly #accounts: AccountService;

  constructor(db: Kysely<Database>, storage: Storage, accounts: AccountService) {
    this.#db = db;
    this.#storage = storage;
    this.#accounts = accounts;
  }

  /**
   * Makes an avatar of an image. It is stored before it is named, so that the database never names
   * a file that is not there. @throws {UnsupportedImage}, {BrokenImage} or {AccountGone}
   */
  async changeAvatar(userId: string, image: Buffer): Promise<Account> {
    const name = newName();
    await this.#storage.put(name, await toAvatar(image));
    await updateAvatar(this.#db, userId, name);
    return this.#accounts.get(userId);
  }
}
