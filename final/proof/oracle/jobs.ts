import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Config } from '../../src/config.ts';

/**
 * ARGV: how BullMQ's keys begin. What is left to do, in all queues at one moment: a job goes from
 * one list to another, and may put others into another queue. What is repeated for ever is not
 * waited for.
 */
const JOBS_LEFT = `
  local left = 0
  local function count(ids)
    for _, id in ipairs(ids) do
      if id ~= '0:0' and not string.match(id, '^repeat:') then left = left + 1 end
    end
  end
  for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
    local state = string.match(key, '([^:]+)$')
    if state == 'wait' or state == 'active' or state == 'paused' then
      count(redis.call('LRANGE', key, 0, -1))
    elseif state == 'delayed' or state == 'prioritized' or state == 'waiting-children' then
      count(redis.call('ZRANGE', key, 0, -1))
    end
  end
  return left`;

/** The queues of a database, as their Redis has them. */
export class Queues {
  readonly #prefix: string;
  readonly #redis: Redis;

  /** Earlier steps know one Redis only. */
  constructor({ REDIS_URL, ...config }: Config, name: string) {
    this.#redis = new Redis(('QUEUE_REDIS_URL' in config && config.QUEUE_REDIS_URL) || REDIS_URL);
    this.#prefix = `${name}:queues:`;
  }

  /** How many jobs are left to do. */
  async left(): Promise<number> {
    return Number(await this.#redis.eval(JOBS_LEFT, 0, this.#prefix));
  }

  /** Why jobs have failed for good: what they had to tell is not told. */
  async failures(): Promise<string[]> {
    const reasons: string[] = [];
    for (const key of await this.#redis.keys(`${this.#prefix}*:failed`))
      for (const id of await this.#redis.zrange(key, '0', '-1')) {
        const job = await this.#redis.hmget(key.replace(/failed$/, id), 'data', 'failedReason');
        reasons.push(job.join(': '));
      }
    return reasons;
  }

  /** What has failed is tried again now, not after a while. */
  async promote(): Promise<void> {
    for (const key of await this.#redis.keys(`${this.#prefix}*:meta`)) {
      const [name = ''] = key.slice(this.#prefix.length).split(':');
      const queue = new Queue(name, {
        connection: this.#redis,
        prefix: this.#prefix.slice(0, -1),
        skipMetasUpdate: true,
      });
      await queue.promoteJobs();
    }
  }

  /** Deletes all there is. */
  async forget(): Promise<void> {
    const keys = await this.#redis.keys(`${this.#prefix}*`);
    if (keys.length > 0) await this.#redis.unlink(keys);
  }

  close(): void {
    this.#redis.disconnect();
  }
}
