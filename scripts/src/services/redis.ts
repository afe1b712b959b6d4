import { askInLines } from './ask.ts';
import type { Service } from './service.ts';

type Own = Pick<Service, 'name' | 'title' | 'variable' | 'defaultPort' | 'composePortVariable'>;

/** A server of Redis, or of Valkey where that is what the machine has. */
const redisService = (own: Own, settings: string[]): Service => ({
  ...own,
  programs: ['redis-server', 'valkey-server'],
  packages: [['redis-server']],
  daemon: { name: 'redis-server', port: 6379 },
  users: ['redis', 'nobody'],

  url: (port) => `redis://127.0.0.1:${port}`,

  async health(url, timeout) {
    const reply = await askRedis(url, timeout, 'PING', 'INFO server', 'CONFIG GET dir');
    if (!reply.includes('+PONG')) throw new Error(`Redis answered: ${reply.split('\r\n')[0]}`);
    const field = (name: string): string =>
      new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(reply)?.[1] ?? '';
    const valkey = field('valkey_version');
    return {
      version: valkey ? `Valkey ${valkey}` : `Redis ${field('redis_version')}`,
      upSince: new Date(Date.now() - Number(field('uptime_in_seconds')) * 1000),
      dataDir: /\r\ndir\r\n\$\d+\r\n(.*)\r\n/.exec(reply)?.[1] ?? '',
    };
  },

  async stop(url) {
    await askRedis(url, 5000, 'SHUTDOWN NOSAVE');
  },

  kind: async () => 'Redis',
  initialise: async () => undefined,

  run: ({ program, dataDir, port }) => ({
    file: program,
    args: [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dataDir],
      ...['--save', '', ...settings],
      ...['--daemonize', 'no', '--loglevel', 'notice'],
    ],
  }),
});

/** The cache: nothing is kept over a stop, because it all can be made again from MySQL. */
export const redis: Service = redisService(
  {
    name: 'redis',
    title: 'Redis',
    variable: 'REDIS_URL',
    defaultPort: 16379,
    composePortVariable: 'FANOUT_REDIS_PORT',
  },
  ['--appendonly', 'no', '--maxmemory', '1gb', '--maxmemory-policy', 'allkeys-lru'],
);

/** The queue's: a job is nowhere else, so none is evicted, and all are there after a restart. */
export const queueRedis: Service = redisService(
  {
    name: 'redis-queue',
    title: 'Redis (queue)',
    variable: 'QUEUE_REDIS_URL',
    defaultPort: 17379,
    composePortVariable: 'FANOUT_QUEUE_REDIS_PORT',
  },
  ['--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction'],
);

/**
 * Sends commands as they are typed into redis-cli, after logging in if the address has a user or a
 * password, and choosing the database if it names one. Resolves to the raw answers.
 */
export function askRedis(url: string, timeout: number, ...commands: string[]): Promise<string> {
  const { username, password, pathname } = new URL(url);
  const login = [username, password].filter(Boolean).map(decodeURIComponent).join(' ');
  const database = /^\/(\d+)$/.exec(pathname)?.[1];
  return askInLines(url, timeout, [
    ...(login ? [`AUTH ${login}`] : []),
    ...(database ? [`SELECT ${database}`] : []),
    ...commands,
    'QUIT',
  ]);
}
