import { spawn } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { CourseError } from '../core/errors.ts';
import { filesOf, onDisk, type Place, type Remembered } from './place.ts';
import { freePort, isFree } from './ports.ts';
import { commandLine, isAlive, type Owner, ownerFor, waitForEnd } from './processes.ts';
import type { Health, Launch, Service } from './service.ts';

/** A server that recovers from a crash may take a while until it answers. */
const START_MS = 60_000;
const STOP_MS = 30_000;
/** What new and empty databases take, with some room to run in. */
const NEEDED_MB = 300;

/**
 * Starts a server of the machine as a private process, or adopts the one of ours that runs.
 *
 * @returns how to find it again.
 * @throws {CourseError} with the end of its log when it does not start.
 */
export async function startLocal(
  place: Place,
  service: Service,
  program: string,
  remembered: Remembered | undefined,
): Promise<Remembered> {
  const running = await findOurs(place, service, remembered);
  if (running !== undefined) return running;
  await endHungServer(place, service, remembered);

  const files = filesOf(place, service.name);
  onDisk(place, () => mkdirSync(files.dir, { recursive: true }));
  const owner = await ownerFor(service.users, files.dir);
  const asRoot = process.getuid?.() === 0 && owner === undefined;
  const launch: Launch = { program, dataDir: files.data, port: 0, asRoot };
  await prepareData(place, service, launch, owner);

  const start = remembered && (await isFree(remembered.port)) ? remembered.port : undefined;
  let port = start ?? (await freePort(service.defaultPort));
  for (let attempt = 1; ; attempt++) {
    const result = await launchServer(place, service, { ...launch, port }, owner);
    if (typeof result === 'number') return { way: 'local', port, pid: result };
    // Somebody took the port between our look and the server's start.
    if (attempt === 3 || !/address already in use/i.test(result)) throw failed(place, service);
    port = await freePort(port + 1);
  }
}

/**
 * Stops a server of ours and waits until it is gone. One that does not answer gets a signal, but
 * only if the process is the server over our data folder: ids are used again by other processes.
 */
export async function stopLocal(
  place: Place,
  service: Service,
  remembered: Remembered,
): Promise<void> {
  const { port, pid } = (await findOurs(place, service, remembered)) ?? remembered;
  if ((await askOurs(place, service, port)) !== undefined) {
    await service.stop(service.url(port));
    const end = Date.now() + STOP_MS;
    while (!(await isFree(port)) && Date.now() < end) await sleep(25);
    if (pid === undefined || (await waitForEnd(pid, STOP_MS))) return;
  }
  await endHungServer(place, service, { ...remembered, port, ...(pid && { pid }) });
}

/** Asks who listens on `port`; undefined when nobody answers or it is no server of this place. */
export async function askOurs(
  place: Place,
  service: Service,
  port: number,
): Promise<Health | undefined> {
  try {
    const health = await service.health(service.url(port), 2000);
    const ours = realpathSync(filesOf(place, service.name).data);
    return realpathSync(health.dataDir) === ours ? health : undefined;
  } catch {
    return undefined;
  }
}

/** A running server of ours, also when what was remembered of it is lost. */
async function findOurs(
  place: Place,
  service: Service,
  remembered: Remembered | undefined,
): Promise<Remembered | undefined> {
  if (!existsSync(filesOf(place, service.name).data)) return undefined;
  if (remembered && (await askOurs(place, service, remembered.port))) return remembered;
  for (let port = service.defaultPort; port < service.defaultPort + 10; port++) {
    if (port === remembered?.port || (await isFree(port))) continue;
    if (await askOurs(place, service, port)) return { way: 'local', port };
  }
  return undefined;
}

/** Ends a server that is there but does not answer, after it had time to finish what it does. */
async function endHungServer(
  place: Place,
  service: Service,
  remembered: Remembered | undefined,
): Promise<void> {
  const pid = remembered?.pid;
  if (pid === undefined || !isAlive(pid)) return;
  const line = await commandLine(pid);
  // Redis shows its address instead of its arguments.
  const marks = [filesOf(place, service.name).data, `127.0.0.1:${remembered?.port}`];
  if (!marks.some((mark) => line.includes(mark))) return;
  process.kill(pid, 'SIGTERM');
  if (await waitForEnd(pid, STOP_MS)) return;
  process.kill(pid, 'SIGKILL');
  await waitForEnd(pid, 5000);
}

/** Makes the data folder, unless a complete one of the same kind of server is there. */
async function prepareData(
  place: Place,
  service: Service,
  launch: Launch,
  owner: Owner | undefined,
): Promise<void> {
  const files = filesOf(place, service.name);
  const kind = await service.kind(launch.program);
  if (existsSync(files.ready) && existsSync(files.data)) {
    const had = readFileSync(files.ready, 'utf8').trim();
    if (had === kind) return;
    throw new CourseError(
      `The data in ${files.data} is of ${had}, and this machine now has ${kind}: install ${had} again, or run "npx course services reset", which deletes that data.`,
      1,
    );
  }
  if (freeMb(place) < NEEDED_MB) throw diskFull(place);
  onDisk(place, () => {
    // Without the mark, whatever is there was left by an interrupted start.
    rmSync(files.ready, { force: true });
    rmSync(files.data, { recursive: true, force: true });
    mkdirSync(files.data, { recursive: true, mode: 0o700 });
    if (owner) chownSync(files.data, owner.uid, owner.gid);
  });
  const command = await service.initialise(launch);
  if (command !== undefined) {
    const { exitCode, all } = await execa(command.file, command.args, {
      all: true,
      reject: false,
      ...owner,
    });
    if (exitCode !== 0) {
      onDisk(place, () => writeFileSync(files.log, all ?? ''));
      throw failed(place, service);
    }
  }
  onDisk(place, () => writeFileSync(files.ready, `${kind}\n`));
}

/**
 * Starts the server, detached, and waits until it answers.
 *
 * @returns its process id, or what it wrote when it ended or did not answer in time.
 */
async function launchServer(
  place: Place,
  service: Service,
  launch: Launch,
  owner: Owner | undefined,
): Promise<number | string> {
  const { log, data } = filesOf(place, service.name);
  const { file, args } = onDisk(place, () => service.run(launch));
  const output = onDisk(place, () => {
    if (existsSync(log)) renameSync(log, `${log}.previous`);
    return openSync(log, 'w');
  });
  const child = spawn(file, args, {
    cwd: data,
    detached: true,
    windowsHide: true,
    stdio: ['ignore', output, output],
    ...owner,
  });
  closeSync(output);
  let ended = false;
  child.once('exit', () => (ended = true)).once('error', () => (ended = true));
  for (const end = Date.now() + START_MS; !ended && Date.now() < end; await sleep(40)) {
    if ((await askOurs(place, service, launch.port)) === undefined) continue;
    child.unref();
    return child.pid ?? 0;
  }
  if (!ended) child.kill('SIGKILL');
  return readFileSync(log, 'utf8');
}

function freeMb(place: Place): number {
  const { bavail, bsize } = statfsSync(place.dir);
  return (bavail * bsize) / 2 ** 20;
}

function diskFull(place: Place): CourseError {
  return new CourseError(
    `The services keep their data in ${place.dir}, and that disk is full: free about 1 GB, or name a folder on another disk in FANOUT_SERVICES_DIR, and try again.`,
    1,
  );
}

/** The error for a server that did not start: the likely reason, else the end of its log. */
function failed(place: Place, service: Service): CourseError {
  const { log } = filesOf(place, service.name);
  const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
  if (/no space left|errcode: 28|os error 28|quota exceeded/i.test(text) || freeMb(place) < 20) {
    return diskFull(place);
  }
  const end = text.trim().split('\n').slice(-8).join('\n  ');
  return new CourseError(
    `${service.title} did not start: read ${log}, or delete its data with "npx course services reset". The log ends with:\n  ${end}`,
    1,
  );
}
