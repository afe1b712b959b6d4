import createError from '@fastify/error';
import { hash } from '@node-rs/argon2';
import type { Kysely } from 'kysely';
import { type Database, violatedKey } from '../database.ts';
import { insertUser } from './repository.ts';
import type { Account, Signup } from './schemas.ts';

export const UsernameTaken = createError('USERNAME_TAKEN', 'This username is taken', 409);
export const EmailTaken = createError('EMAIL_TAKEN', 'This email has an account already', 409);

/** OWASP's minimum: 19 MiB, two passes, one lane. The library's own default is Argon2id. */
const ARGON2ID = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** The rules of accounts. */
export class AccountService {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /**
   * Opens an account. The unique keys decide who is first, so two at once cannot both win.
   *
   * @throws {UsernameTaken} or {EmailTaken}.
   */
  async signUp({ username, email, password }: Signup): Promise<Account> {
    const password_hash = await hash(password, ARGON2ID);
    try {
      const id = await insertUser(this.#db, { username, email, password_hash });
      return { id, username, email };
    } catch (error) {
      const key = violatedKey(error);
      if (key === 'users_username_unique') throw new UsernameTaken();
      if (key === 'users_email_unique') throw new EmailTaken();
      throw error;
    }
  }
}
