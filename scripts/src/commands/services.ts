import { createInterface } from 'node:readline/promises';
import Table from 'cli-table3';
import type { Command } from 'commander';
import { CourseError, ExitCode } from '../core/errors.ts';
import {
  type ServiceStatus,
  serviceEnv,
  servicesDown,
  servicesReset,
  servicesStatus,
  servicesUp,
} from '../services/index.ts';

/** Adds `course services up|status|down|reset`. */
export function register(program: Command): void {
  const services = program
    .command('services')
    .description(
      'MySQL, Redis (one for the cache, one for the queue) and Memcached: start, stop, see how they run',
    )
    .addHelpText(
      'after',
      `
The first of these that works is used:
  1. the addresses in DATABASE_URL, REDIS_URL, QUEUE_REDIS_URL and MEMCACHED_URL
  2. Docker, with docker-compose.yml
  3. servers installed on this machine, as private processes with their data in .services/
  4. as root on Debian or Ubuntu, the same after installing them with apt-get
FANOUT_SERVICES=env, docker or local insists on one. FANOUT_SERVICES_DIR names another folder
than .services/. FANOUT_PROGRAMS lists the folders to look for servers in, instead of PATH.`,
    );

  services
    .command('up')
    .description('start what does not run yet')
    .action(async () => {
      await servicesUp();
      printTable(await servicesStatus());
    });

  services
    .command('status')
    .description('show what runs where; exit code 1 if something does not run')
    .option(
      '--env',
      'print the addresses as lines for a shell: eval "$(npx course services status --env)"',
    )
    .action(async ({ env }: { env?: boolean }) => {
      if (env) {
        for (const [name, url] of Object.entries(serviceEnv()))
          console.log(`export ${name}='${url}'`);
        return;
      }
      const status = await servicesStatus();
      printTable(status);
      if (status.some(({ health }) => health === undefined)) process.exitCode = ExitCode.fellShort;
    });

  services
    .command('down')
    .description('stop what the course started; the data stays')
    .action(async () => {
      await servicesDown();
      printTable(await servicesStatus());
    });

  services
    .command('reset')
    .description('delete all data of the services and start them anew')
    .option('--yes', 'do not ask')
    .action(async ({ yes }: { yes?: boolean }) => {
      if (!yes) await confirmReset();
      await servicesReset();
      printTable(await servicesStatus());
    });
}

async function confirmReset(): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new CourseError('This deletes every database of the course: say so with --yes.');
  }
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await ask.question('This deletes every database of the course. Go on? [y/N] ');
  ask.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw new CourseError('Nothing was deleted.', 1);
}

const WAYS = { docker: 'Docker', local: 'own process', env: 'environment' };

function printTable(status: ServiceStatus[]): void {
  const table = new Table({
    head: ['service', 'how it runs', 'address', 'up since', 'version'],
    style: { head: [], border: [] },
  });
  for (const { service, way, url, health } of status) {
    table.push([
      service.title,
      way === undefined ? 'never started' : WAYS[way],
      url.replace(/(:\/\/[^:@/]*):[^@/]*@/, way === 'env' ? '$1:***@' : '$&'),
      health ? health.upSince.toLocaleString('sv-SE') : 'down',
      health?.version ?? '',
    ]);
  }
  console.log(table.toString());
}
