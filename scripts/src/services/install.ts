import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { execa } from 'execa';
import { CourseError } from '../core/errors.ts';
import type { Service } from './service.ts';

const POLICY = '/usr/sbin/policy-rc.d';

/** Whether this process may install Debian packages: it is root on Debian, Ubuntu or the like. */
export function canInstall(): boolean {
  const wanted = process.env.FANOUT_PROGRAMS === undefined;
  return wanted && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

/**
 * Installs the servers of `services` by apt-get, without starting the daemons that the packages
 * bring: only private processes of the course run.
 *
 * @throws {CourseError} when a package cannot be had.
 */
export async function install(services: Service[]): Promise<void> {
  // Old lists are no reason to stop: the packages may be had all the same.
  const update = await apt('update');
  // Two services may be two servers of one kind.
  for (const service of oneOfEach(services)) {
    const output = await withoutDaemons(service, () => installFirst(service.packages));
    if (output === undefined) continue;
    const reason = lastError(output) || lastError(update.all ?? '');
    throw new CourseError(
      `${service.packages.at(-1)?.join(' ')} could not be installed (${reason}): check the network and the package sources with "apt-get update" and try again, or start Docker, or give the server's address in ${service.variable}.`,
      1,
    );
  }
}

/** Of the services whose servers come in the same packages the first. */
export function oneOfEach(services: Service[]): Service[] {
  const key = ({ packages }: Service) => JSON.stringify(packages);
  return services.filter(
    (service) => services.find((other) => key(other) === key(service)) === service,
  );
}

/** Installs the first of the sets that can be; returns the output of the last try if none. */
async function installFirst(sets: string[][]): Promise<string | undefined> {
  let output = '';
  for (const names of sets) {
    const result = await apt('install', '--yes', '--no-install-recommends', ...names);
    if (result.exitCode === 0) return undefined;
    output = result.all ?? '';
  }
  return output;
}

function apt(...args: string[]) {
  return execa('/usr/bin/apt-get', ['-q', ...args], {
    env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
    stdin: 'ignore',
    all: true,
    reject: false,
  });
}

/**
 * Keeps a package's daemon from starting. Debian asks the program policy-rc.d, so one that says no
 * is there for the while; where the machine has its own, that stays, and a daemon which it let
 * start is stopped.
 */
async function withoutDaemons<T>(service: Service, work: () => Promise<T>): Promise<T> {
  const { port } = service.daemon;
  const before = await answers(port);
  const ownPolicy = !existsSync(POLICY);
  if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const remove = () => rmSync(POLICY, { force: true });
  if (ownPolicy) process.once('exit', remove);
  try {
    return await work();
  } finally {
    if (ownPolicy) {
      process.off('exit', remove);
      remove();
    }
    await keepOff(service, !before && (await answers(port)));
  }
}

/** Stops the package's daemon if it runs, and keeps it from starting with the machine. */
async function keepOff(service: Service, running: boolean): Promise<void> {
  const daemon = service.daemon.name;
  if (running) await execa('service', [daemon, 'stop'], { reject: false, stdin: 'ignore' });
  if (!existsSync('/run/systemd/system')) return;
  await execa('systemctl', ['disable', daemon], { reject: false, stdin: 'ignore' });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
      .once('connect', () => {
        socket.destroy();
        resolve(true);
      })
      .once('error', () => resolve(false));
  });
}

/** The last line of apt's output that names an error, without its mark. */
function lastError(output: string): string {
  const line = output.split('\n').findLast((text) => /^(E|W|Err):/.test(text)) ?? '';
  return line.replace(/^\w+: ?/, '').replace(/[.\s]+$/, '');
}
