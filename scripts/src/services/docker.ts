import { execa } from 'execa';
import type { Place, Remembered, State } from './place.ts';
import { freePort, isFree } from './ports.ts';
import type { Service } from './service.ts';

/** Whether a Docker engine answers and its client has the compose command. */
export async function hasDocker(): Promise<boolean> {
  const asked = await Promise.all(
    [
      ['version', '--format', '{{.Server.Version}}'],
      ['compose', 'version'],
    ].map((args) => execa('docker', args, { reject: false, timeout: 5000, stdin: 'ignore' })),
  );
  return asked.every(({ exitCode }) => exitCode === 0);
}

/**
 * Starts the services as containers and waits until their health checks pass.
 *
 * @returns how to find each again. Rejects with what Docker said when it cannot.
 */
export async function startDocker(
  place: Place,
  services: Service[],
  state: State,
): Promise<Remembered[]> {
  const ports: number[] = [];
  for (const service of services) ports.push(await portFor(place, service, state[service.name]));
  const env = Object.fromEntries(
    services.map((service, index) => [service.composePortVariable, String(ports[index])]),
  );
  const names = services.map(({ name }) => name);
  await compose(place, ['up', '--detach', '--wait', ...names], env);
  return ports.map((port) => ({ way: 'docker', port }));
}

/** Stops and removes the containers, those of the profiles too; with `volumes` also their data. */
export async function stopDocker(place: Place, volumes: boolean): Promise<void> {
  const profiles = ['--profile', 'app', '--profile', 's3'];
  await compose(place, [...profiles, 'down', ...(volumes ? ['--volumes'] : [])]);
}

/** The port of a running container of ours, else the remembered or default one if it is free. */
async function portFor(
  place: Place,
  service: Service,
  remembered: Remembered | undefined,
): Promise<number> {
  const port = remembered?.port ?? service.defaultPort;
  if (await isFree(port)) return port;
  const { stdout } = await execa('docker', ['compose', 'ps', '--format', 'json', service.name], {
    cwd: place.root,
    reject: false,
  });
  return stdout?.includes(`"PublishedPort":${port}`) ? port : freePort(service.defaultPort);
}

async function compose(place: Place, args: string[], env: Record<string, string> = {}) {
  // The progress of an image's download is worth seeing.
  await execa('docker', ['compose', ...args], {
    cwd: place.root,
    env,
    stdin: 'ignore',
    stdout: process.stderr,
    stderr: 'inherit',
  });
}
