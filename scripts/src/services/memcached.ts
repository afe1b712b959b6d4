import { join } from 'node:path';
import { askInLines } from './ask.ts';
import { commandLine } from './processes.ts';
import type { Service } from './service.ts';

/** Memcached keeps no files. The one named here is never written: it tells whose server it is. */
const PID_FILE = 'memcached.pid';

/** Memcached. */
export const memcached: Service = {
  name: 'memcached',
  title: 'Memcached',
  variable: 'MEMCACHED_URL',
  defaultPort: 21211,
  composePortVariable: 'FANOUT_MEMCACHED_PORT',
  programs: ['memcached'],
  packages: [['memcached']],
  daemon: { name: 'memcached', port: 11211 },
  users: ['memcache', 'nobody'],

  url: (port) => `memcached://127.0.0.1:${port}`,

  async health(url, timeout) {
    const reply = await askInLines(url, timeout, ['stats', 'quit']);
    const stat = (name: string): string =>
      new RegExp(`^STAT ${name} (.*?)\\r?$`, 'm').exec(reply)?.[1] ?? '';
    if (stat('version') === '') throw new Error(`Memcached answered: ${reply.split('\r\n')[0]}`);
    const line = await commandLine(Number(stat('pid')));
    return {
      version: `Memcached ${stat('version')}`,
      upSince: new Date(Date.now() - Number(stat('uptime')) * 1000),
      dataDir: new RegExp(` -P (.*).${PID_FILE}`).exec(line)?.[1] ?? '',
    };
  },

  async stop(url) {
    await askInLines(url, 5000, ['shutdown']);
  },

  kind: async () => 'Memcached',
  initialise: async () => undefined,

  run: ({ program, dataDir, port, asRoot }) => ({
    file: program,
    args: [
      ...['-l', '127.0.0.1', '-p', String(port), '-m', '256', '-P', join(dataDir, PID_FILE)],
      // It may be told to stop over its protocol.
      '-A',
      ...(asRoot ? ['-u', 'root'] : []),
    ],
  }),
};
