import { normalizeIP } from '@fastify/rate-limit';
import type { Redis } from 'ioredis';
import { type Config, keyPrefix } from '../config.ts';

/** As long as a session lasts. */
const KNOWN_S = 30 * 24 * 60 * 60;

/**
 * Who is counted when somebody tries a password. Strangers who try one account are counted together,
 * wherever they are: an attacker has many addresses. From where its owner has logged in before, an
 * account is counted by itself: so strangers cannot lock the owner out there.
 */
export class LoginThrottle {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, config: Config) {
    this.#redis = redis;
    this.#prefix = keyPrefix(config);
  }

  /** The name of the counter. Whether there is such an account makes no difference. */
  async counterOf(username: string, ip: string): Promise<string> {
    const isKnown = await this.#redis.exists(this.#key(username, ip)).catch(() => 0);
    const account = username.toLowerCase();
    return isKnown ? `${account} at ${normalizeIP(ip)}` : `${account} elsewhere`;
  }

  /** Somebody has logged in from there. */
  async succeeded(username: string, ip: string): Promise<void> {
    // Without Redis the next login from there is one from elsewhere.
    await this.#redis.set(this.#key(username, ip), 1, 'EX', KNOWN_S).catch(() => {});
  }

  #key(username: string, ip: string): string {
    return `${this.#prefix}:logged in:${username.toLowerCase()} at ${normalizeIP(ip)}`;
  }
}
