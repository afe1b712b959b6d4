import createError from '@fastify/error';
import { hash, verify } from '@node-rs/argon2';
import type { Kysely, Transaction } from 'kysely';
import type { ObjectCache } from '../cache/objects.ts';
import { problemOf } from '../content.ts';
import { type Database, violatedKey } from '../database.ts';
import { findUser, findUsers, insertUser, lockUser, updateProfile } from './repository.ts';
import type { Account, Login, ProfileChange, Signup, User } from './schemas.ts';
import { toUser } from './user.ts';

export const UsernameTaken = createError('USERNAME_TAKEN', 'This username is taken', 409);
export const EmailTaken = createError('EMAIL_TAKEN', 'This email has an account already', 409);
export const WrongLogin = createError('WRONG_LOGIN', 'Wrong username or password', 401);
export const AccountGone = createError('ACCOUNT_GONE', 'This account does not exist any more', 401);
export const UserNotFound = createError('USER_NOT_FOUND', 'There is no such user', 404);
export const InvalidNickname = createError('INVALID_NICKNAME', 'A nickname %s', 400);

/** OWASP's minimum: 19 MiB, two passes, one lane. The library's own default is Argon2id. */
const ARGON2ID = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** What a login is checked against when there is no such user, so that it takes as long. */
const hashOfNobody = await hash('nobody has this password', ARGON2ID);

/** The rules of accounts. */
export class AccountService {
  readonly #db: Kysely<Database>;
  readonly #cache: ObjectCache;

  constructor(db: Kysely<Database>, cache: ObjectCache) {
    this.#db = db;
    this.#cache = cache;
  }

  /**
   * Opens an account with its profile: both or neither. The unique keys decide who is first, so two at once cannot both win.
   *
   * @throws {UsernameTaken} or {EmailTaken}.
   */
  async signUp({ username, email, password }: Signup): Promise<Account> {
    const password_hash = await hash(password, ARGON2ID);
    try {
      const user = { username, email, password_hash };
      const id = await this.#db.transaction().execute((trx) => insertUser(trx, user));
      return { id, username, nickname: null, avatarUrl: null, email };
    } catch (error) {
      const key = violatedKey(error);
      if (key === 'users_username_unique') throw new UsernameTaken();
      if (key === 'users_email_unique') throw new EmailTaken();
      throw error;
    }
  }

  /**
   * Checks a name and a password. The answer is the same, and as slow, for an unknown name as for
   * a wrong password: otherwise anybody could find out who has an account.
   *
   * @throws {WrongLogin}
   */
  async logIn({ username, password }: Login): Promise<Account> {
    const user = await findUser(this.#db, 'username', username);
    const matches = await verify(user?.password_hash ?? hashOfNobody, password);
    if (!user || !matches) throw new WrongLogin();
    return { ...toUser(user), email: user.email };
  }

  /** The account of a user who is logged in. @throws {AccountGone} */
  async get(id: string): Promise<Account> {
    const user = await findUser(this.#db, 'id', id);
    if (!user) throw new AccountGone();
    return { ...toUser(user), email: user.email };
  }

  /**
   * Changes what a user tells about themselves. A nickname has 1 to 30 characters, without the
   * white space around it; null takes it away. @throws {InvalidNickname} or {AccountGone}
   */
  async changeProfile(id: string, change: ProfileChange): Promise<Account> {
    const nickname = change.nickname?.trim() ?? null;
    const problem = nickname === null ? undefined : problemOf(nickname, 30);
    if (problem) throw new InvalidNickname(problem);
    await updateProfile(this.#db, id, { nickname });
    await this.changed(id);
    return this.get(id);
  }

  /** These users as everybody sees them, by id, without those that are gone. From the cache. */
  async users(ids: string[]): Promise<Map<string, User>> {
    return this.#cache.getMany('user', ids, (missing) => findUsers(this.#db, missing));
  }

  /** To be called by whoever has changed how a user is shown, after the commit. */
  async changed(id: string): Promise<void> {
    await this.#cache.forget('user', id);
  }

  /** Makes sure that there is such a user. @throws {UserNotFound} */
  async requireUser(id: string): Promise<void> {
    if (!(await findUser(this.#db, 'id', id))) throw new UserNotFound();
  }

  /**
   * Makes whoever changes an author's readers (follow, unfollow) wait for whoever changes what they
   * read (post, delete), and the other way round. Else a fan-out may have passed a new follower
   * whose backfill cannot yet see the tweet: it would be lost to them. @throws {UserNotFound}
   */
  async lockAuthor(trx: Transaction<Database>, id: string): Promise<void> {
    if (!(await lockUser(trx, id))) throw new UserNotFound();
  }
}
