import { askInLines } from './ask.ts';
import type { Service } from './service.ts';

/** Redis, or Valkey where that is what the machine has. */
export const redis: Service = {
  name: 'redis',
  title: 'Redis',
  variable: 'REDIS_URL',
  defaultPort: 16379,
  composePortVariable: 'FANOUT_REDIS_PORT',
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
      // Nothing is kept: what is in Redis can be made again from MySQL.
      ...['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'],
      ...['--daemonize', 'no', '--loglevel', 'notice'],
    ],
  }),
};

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
