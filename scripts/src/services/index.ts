import { rmSync } from 'node:fs';
import { CourseError } from '../core/errors.ts';
import { hasDocker, startDocker, stopDocker } from './docker.ts';
import { canInstall, install, oneOfEach } from './install.ts';
import { askOurs, startLocal, stopLocal } from './local.ts';
import { locked } from './lock.ts';
import {
  defaultPlace,
  filesOf,
  makePlace,
  onDisk,
  type Place,
  type Remembered,
  readState,
  type State,
  type Way,
  writeState,
} from './place.ts';
import { findProgram } from './programs.ts';
import { allServices } from './registry.ts';
import type { Health, Service, ServiceName } from './service.ts';

export type { Place, Way } from './place.ts';
export type { ServiceName } from './service.ts';

/** The addresses of all services, by the names of the environment variables that carry them. */
export type ServiceEnv = Record<Service['variable'], string>;

/** How `servicesUp` and its like do their work. */
export interface ServicesOptions {
  /** The services that must answer; by default all. */
  need?: ServiceName[];
  /** Prints no progress. */
  quiet?: boolean;
  /** Where the services are; by default `.services/` of this repository. */
  place?: Place;
}

/** One line of `course services status`. */
export interface ServiceStatus {
  service: Service;
  /** Undefined when it was never started. */
  way: Way | undefined;
  url: string;
  /** Undefined when it does not answer. */
  health: Health | undefined;
}

/**
 * Starts the services that do not run yet, and waits until they answer. Cheap when all do.
 *
 * @returns the addresses of all services, of those not needed too.
 * @throws {CourseError} when a needed service cannot be had; it names the choices.
 */
export async function servicesUp(options: ServicesOptions = {}): Promise<ServiceEnv> {
  const place = options.place ?? defaultPlace();
  const wanted = allServices.filter(({ name }) => options.need?.includes(name) ?? true);
  const say = options.quiet ? () => {} : (line: string) => console.error(line);
  if ((await notRunning(place, wanted)).length > 0) {
    makePlace(place);
    await locked(place, async () => {
      const missing = await notRunning(place, wanted);
      if (missing.length > 0) await bringUp(place, missing, say);
    });
  }
  return serviceEnv(place);
}

/** Stops the services that the course started, and waits until they are gone. Keeps their data. */
export async function servicesDown(options: ServicesOptions = {}): Promise<void> {
  const place = options.place ?? defaultPlace();
  if (Object.keys(readState(place)).length === 0) return;
  await locked(place, () => takeDown(place, false));
}

/**
 * Stops the services, deletes all their data and starts them anew.
 *
 * @throws {CourseError} when a service's address comes from the environment: that data is not ours.
 */
export async function servicesReset(options: ServicesOptions = {}): Promise<ServiceEnv> {
  const place = options.place ?? defaultPlace();
  const given = allServices.filter(({ variable }) => fromEnvironment(variable) !== undefined);
  if (given.length > 0) {
    throw new CourseError(
      `The environment gives ${given.map(({ variable }) => variable).join(' and ')}, and the course deletes only data of servers that it started: unset it and try again.`,
    );
  }
  makePlace(place);
  await locked(place, async () => {
    await takeDown(place, true);
    for (const { name } of allServices) {
      onDisk(place, () => rmSync(filesOf(place, name).dir, { recursive: true, force: true }));
    }
    writeState(place, {});
  });
  return servicesUp(options);
}

/** What each service (or each of those in `need`) does at the moment. Starts nothing. */
export async function servicesStatus(options: ServicesOptions = {}): Promise<ServiceStatus[]> {
  const place = options.place ?? defaultPlace();
  const state = readState(place);
  const asked = allServices.filter(({ name }) => options.need?.includes(name) ?? true);
  return Promise.all(
    asked.map(async (service) => {
      const given = fromEnvironment(service.variable);
      const way = given === undefined ? state[service.name]?.way : 'env';
      const url = addressOf(service, state);
      return { service, way, url, health: await healthOf(place, service, state) };
    }),
  );
}

/** The addresses of all services, whether they run or not. */
export function serviceEnv(place: Place = defaultPlace()): ServiceEnv {
  const state = readState(place);
  return Object.fromEntries(
    allServices.map((service) => [service.variable, addressOf(service, state)]),
  ) as ServiceEnv;
}

type Choice = Way | undefined;

/** What FANOUT_SERVICES asks for; undefined lets the course choose. */
function choice(): Choice {
  const text = process.env.FANOUT_SERVICES;
  if (!text) return undefined;
  if (text === 'docker' || text === 'local' || text === 'env') return text;
  throw new CourseError(
    `FANOUT_SERVICES is "${text}": set it to docker, local or env, or unset it to let the course choose.`,
  );
}

/** The address that the environment gives, unless FANOUT_SERVICES asks for another way. */
function fromEnvironment(variable: Service['variable']): string | undefined {
  const chosen = choice();
  return chosen === undefined || chosen === 'env' ? process.env[variable] || undefined : undefined;
}

function addressOf(service: Service, state: State): string {
  return (
    fromEnvironment(service.variable) ??
    service.url(state[service.name]?.port ?? service.defaultPort)
  );
}

/**
 * The services among `wanted` that do not answer and that the course has to start.
 *
 * @throws {CourseError} when one does not answer whose address comes from the environment.
 */
async function notRunning(place: Place, wanted: Service[]): Promise<Service[]> {
  const state = readState(place);
  const health = await Promise.all(wanted.map((service) => healthOf(place, service, state, true)));
  const missing = wanted.filter((_, index) => health[index] === undefined);
  const absent = missing.map(({ variable }) => variable);
  if (choice() === 'env' && absent.length > 0) {
    throw new CourseError(
      `FANOUT_SERVICES is "env" and the environment does not give ${absent.join(' and ')}: set it, or unset FANOUT_SERVICES.`,
    );
  }
  return missing;
}

async function healthOf(
  place: Place,
  service: Service,
  state: State,
  insist = false,
): Promise<Health | undefined> {
  const given = fromEnvironment(service.variable);
  if (given !== undefined) {
    return service.health(given, 5000).catch((error: unknown) => {
      if (insist) throw unreachable(service, given, error);
      return undefined;
    });
  }
  const remembered = state[service.name];
  const chosen = choice();
  if (remembered === undefined || (chosen !== undefined && chosen !== remembered.way)) {
    return undefined;
  }
  if (remembered.way === 'local') return askOurs(place, service, remembered.port);
  return service.health(service.url(remembered.port), 2000).catch(() => undefined);
}

function unreachable(service: Service, address: string, error: unknown): CourseError {
  const shown = address.replace(/(:\/\/[^:@/]*):[^@/]*@/, '$1:***@');
  const reason = error instanceof Error ? error.message || String(error) : String(error);
  return new CourseError(
    `${service.variable} in the environment is ${shown}, and no ${service.title} answers there (${reason.replace(/\.$/, '')}): start that server, correct the address, or unset ${service.variable} to let the course start its own.`,
    1,
  );
}

/** Starts `services` in the first way that works, under the lock. */
async function bringUp(
  place: Place,
  services: Service[],
  say: (line: string) => void,
): Promise<void> {
  const state = readState(place);
  const chosen = choice();
  const remember = (service: Service, remembered: Remembered) => {
    state[service.name] = remembered;
    writeState(place, state);
  };
  // What has its data in a process of ours stays there, even if Docker runs by now.
  const stays = ({ name }: Service) => state[name]?.way === 'local' && chosen !== 'docker';
  let left = services.filter((service) => !stays(service));
  if (chosen !== 'local' && left.length > 0) {
    const up = await bringUpByDocker(place, left, state, say);
    for (const [index, remembered] of up.entries()) {
      const service = left[index];
      if (service) remember(service, remembered);
    }
    if (up.length > 0) left = [];
  }
  const local = services.filter((service) => stays(service) || left.includes(service));
  const programs = await requirePrograms(local, say);
  const attempts = await Promise.allSettled(
    local.map(async (service) => {
      const started = performance.now();
      const program = programs.get(service.name) ?? '';
      say(`Starting ${service.title} (${program}) …`);
      remember(service, await startLocal(place, service, program, state[service.name]));
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      say(`${service.title} answers on port ${state[service.name]?.port} after ${seconds} s.`);
    }),
  );
  for (const attempt of attempts) if (attempt.status === 'rejected') throw attempt.reason;
}

/** Starts containers if there is Docker; returns none if there is not and it was not asked for. */
async function bringUpByDocker(
  place: Place,
  services: Service[],
  state: State,
  say: (line: string) => void,
): Promise<Remembered[]> {
  const forced = choice() === 'docker';
  const titles = services.map(({ title }) => title).join(' and ');
  if (!(await hasDocker())) {
    if (!forced) return [];
    throw new CourseError(
      'FANOUT_SERVICES is "docker", and no Docker engine with "docker compose" answers: start Docker, or unset FANOUT_SERVICES.',
      1,
    );
  }
  say(`Starting ${titles} in Docker …`);
  try {
    return await startDocker(place, services, state);
  } catch (error) {
    if (forced) {
      throw new CourseError(
        `Docker could not start ${titles}: see above, mend it and try again, or unset FANOUT_SERVICES.`,
        1,
      );
    }
    say(`Docker could not start ${titles}, so servers of this machine are tried (${error}).`);
    return [];
  }
}

/** The executables of the services, installed first where that is possible. */
async function requirePrograms(
  services: Service[],
  say: (line: string) => void,
): Promise<Map<ServiceName, string>> {
  const found = new Map<ServiceName, string>();
  const look = async () => {
    for (const { name, programs } of services) {
      const program = await findProgram(programs);
      if (program !== undefined) found.set(name, program);
    }
    return services.filter(({ name }) => !found.has(name));
  };
  let missing = await look();
  if (missing.length > 0 && canInstall()) {
    say(
      `Installing ${oneOfEach(missing)
        .map(({ packages }) => packages[0]?.join(', '))
        .join(', ')} …`,
    );
    await install(missing);
    missing = await look();
  }
  if (missing.length > 0) throw noWay(missing);
  return found;
}

const inWords = (names: string[]) => new Intl.ListFormat('en').format(names);

function noWay(missing: Service[]): CourseError {
  const titles = inWords(oneOfEach(missing).map(({ title }) => title));
  const packages = oneOfEach(missing)
    .flatMap((service) => service.packages.at(-1) ?? [])
    .join(' ');
  const variables = inWords(missing.map(({ variable }) => variable));
  return new CourseError(
    `The course needs ${titles}, and this machine has neither a running Docker engine nor the servers: start Docker, or install them ("sudo apt-get install ${packages}" on Debian and Ubuntu, "brew install mariadb redis memcached" on macOS), or give addresses in ${variables}, and try again.`,
    1,
  );
}

/** Stops what is remembered, under the lock; ports stay remembered. */
async function takeDown(place: Place, deleteData: boolean): Promise<void> {
  const state = readState(place);
  await Promise.all(
    allServices.map(async (service) => {
      const remembered = state[service.name];
      if (remembered?.way !== 'local') return;
      await stopLocal(place, service, remembered);
      state[service.name] = { way: 'local', port: remembered.port };
    }),
  );
  if (allServices.some(({ name }) => state[name]?.way === 'docker') && (await hasDocker())) {
    await stopDocker(place, deleteData);
  }
  writeState(place, state);
}
