import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Refusal } from './refusal.ts';

const FOLDER = fileURLToPath(new URL('..', import.meta.url));

/** A worker of the demo's own. */
export interface WorkerProcess {
  pid: number;
  /** Ends it: SIGTERM lets it finish its jobs, SIGKILL does not. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts a worker and waits until it says that it is ready. @throws {Refusal} when it ends. */
export async function startWorker(): Promise<WorkerProcess> {
  const child = spawn(process.execPath, ['src/worker.ts'], {
    cwd: FOLDER,
    env: { ...process.env, LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const leave = () => child.kill('SIGKILL');
  process.once('exit', leave);
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    process.off('exit', leave);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  await saysReady(child);
  return { pid: child.pid ?? 0, stop };
}

async function saysReady(child: ChildProcess): Promise<void> {
  let log = '';
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.stdout?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-10_000);
    if (/worker is ready/i.test(log)) resolve();
  });
  child.once('exit', () => reject(new Refusal(`A worker could not be started. It said:\n${log}`)));
  await promise;
}
