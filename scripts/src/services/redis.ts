import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
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
  users: ['redis', 'nobody'],

  url: (port) => `redis://127.0.0.1:${port}`,

  async health(url, timeout) {
    const reply = await ask(url, timeout, 'PING', 'INFO server', 'CONFIG GET dir');
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
    await ask(url, 5000, 'SHUTDOWN NOSAVE');
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
 * Sends commands to the Redis server at `url` and resolves to everything that it answers until it
 * closes the connection, at the latest after QUIT. Rejects when that takes more than `timeout` ms.
 */
function ask(url: string, timeout: number, ...commands: string[]): Promise<string> {
  const { protocol, hostname, port, username, password } = new URL(url);
  const target = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 6379) };
  const login = [username, password].filter(Boolean).map(decodeURIComponent).join(' ');
  const lines = [...(login ? [`AUTH ${login}`] : []), ...commands, 'QUIT'];
  return new Promise((resolve, reject) => {
    const socket = protocol === 'rediss:' ? connectTls(target) : connectTcp(target);
    const timer = setTimeout(
      () => socket.destroy(new Error(`Redis did not answer within ${timeout} ms.`)),
      timeout,
    );
    let reply = '';
    socket
      .setEncoding('utf8')
      .on('data', (chunk) => {
        reply += chunk;
      })
      .on('error', reject)
      .on('close', () => {
        clearTimeout(timer);
        resolve(reply);
      });
    socket.write(`${lines.join('\r\n')}\r\n`);
  });
}
