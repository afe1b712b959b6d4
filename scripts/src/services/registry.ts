import { memcached } from './memcached.ts';
import { mysql } from './mysql.ts';
import { queueRedis, redis } from './redis.ts';
import type { Service } from './service.ts';

/** Every service, in the order in which they are shown. */
export const allServices: Service[] = [mysql, redis, queueRedis, memcached];
