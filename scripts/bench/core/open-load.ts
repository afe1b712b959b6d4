import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

/** Requests at a fixed rate, as people send them: nobody waits for the answer of another. */
export interface OpenLoadOrder {
  url: string;
  path: string;
  headers: Record<string, string>;
  /** Without it each connection sends again when it has its answer: as much as the server can do. */
  perSecond?: number;
  /** Who finds all of them taken waits for one, which counts as waiting for the answer. */
  connections: number;
  /** Seconds of the same load before, which are not counted. */
  runIn: number;
  seconds: number;
  /** Milliseconds after the planned moment until nobody wants the answer any more. */
  patience: number;
}

/** What came of those that were planned within the counted seconds. */
export interface OpenLoadReport {
  planned: number;
  /** From the planned moment to the end of each answer with 200. */
  ms: number[];
  statuses: Record<string, number>;
  /** The share of the time in which the generator itself had something to do. */
  busy: number;
}

/** A processor core for the server and another for the generator. */
export interface Cores {
  server: number;
  generator: number;
}

const PROGRAM = fileURLToPath(new URL('./open-load-process.ts', import.meta.url));

/** Two cores that this process may use, or undefined without two, or without `taskset`. */
export async function coresToPinTo(): Promise<Cores | undefined> {
  const { stdout = '', failed } = await execa('taskset', ['-cp', `${process.pid}`], {
    reject: false,
  });
  if (failed) return undefined;
  const list = stdout.slice(stdout.lastIndexOf(':') + 1).split(',');
  const cores = list.flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, n) => first + n);
  });
  const [server, generator] = cores;
  if (server === undefined || generator === undefined) return undefined;
  return { server, generator };
}

/** Keeps a process, with all its threads, on one core. */
export async function pin(pid: number, core: number): Promise<void> {
  await execa('taskset', ['-acp', `${core}`, `${pid}`]);
}

/** Sends requests from a process of its own, on the core `core` where one is named. */
export async function openLoad(
  order: OpenLoadOrder,
  { signal, core }: { signal: AbortSignal; core: number | undefined },
): Promise<OpenLoadReport> {
  const program = [process.execPath, PROGRAM];
  const [command = '', ...args] =
    core === undefined ? program : ['taskset', '-c', `${core}`, ...program];
  const { stdout } = await execa(command, args, {
    input: JSON.stringify(order),
    cancelSignal: signal,
    // In a group of its own, out of reach of Ctrl-C, which the tool passes on by the signal.
    detached: process.platform !== 'win32',
  });
  return JSON.parse(stdout);
}
