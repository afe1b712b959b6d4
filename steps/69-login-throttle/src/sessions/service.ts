import { createHash, randomBytes } from 'node:crypto';
import createError from '@fastify/error';
import type { Kysely } from 'kysely';
import type { Database } from '../database.ts';
import { deleteSession, insertSession, rotateToken } from './repository.ts';

export const SessionOver = createError('SESSION_OVER', 'Log in again', 401);

/** A login that lasts: a refresh token renews the short access token, and works once. */
export class SessionService {
  readonly #db: Kysely<Database>;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Opens a session for a user who has just proved who they are. */
  async open(userId: string): Promise<string> {
    const { refreshToken, session } = createToken(userId, randomBytes(16).toString('base64url'));
    await insertSession(this.#db, session);
    return refreshToken;
  }

  /**
   * Exchanges a refresh token for the next. One that was exchanged before is in two hands, and
   * nobody can tell whose: the session ends for both (RFC 9700, 4.14.2). @throws {SessionOver}
   */
  async refresh(oldToken: string): Promise<{ userId: string; refreshToken: string }> {
    const [userId = '', id = ''] = oldToken.split('.');
    const { refreshToken, session } = createToken(userId, id);
    if (await rotateToken(this.#db, session, sha256(oldToken))) return { userId, refreshToken };
    await deleteSession(this.#db, id);
    throw new SessionOver();
  }

  /** Ends the session. Access tokens that are out run on for their quarter of an hour. */
  async close(refreshToken: string): Promise<void> {
    await deleteSession(this.#db, refreshToken.split('.')[1] ?? '');
  }
}

/** A new token `user.session.secret`. Only its hash is stored, and the hash vouches for all three. */
function createToken(user_id: string, id: string) {
  const refreshToken = `${user_id}.${id}.${randomBytes(32).toString('base64url')}`;
  const expires_at = new Date(Date.now() + 30 * 24 * 60 * 60 * 1000);
  return { refreshToken, session: { id, user_id, token_hash: sha256(refreshToken), expires_at } };
}

/** A fast hash will do: unlike a password, 256 random bits cannot be guessed. */
function sha256(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
