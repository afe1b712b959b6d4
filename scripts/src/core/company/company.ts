import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { killTree } from '../kill-tree.ts';
import { type Batch, type BatchEnd, END_OF_BATCH } from './batch.ts';

/** What a batch came to. */
export interface BatchResult {
  stdout: string;
  stderr: string;
  /** 0 when all is well; 1 when a case has failed or the process broke. */
  exitCode: number;
  /** The files that have left something open. */
  left: string[];
}

const MEMBER = fileURLToPath(new URL('./member.ts', import.meta.url));
const END = new RegExp(`\\n${END_OF_BATCH}(.*)\\n$`);
/** What a file may take beyond its time, before its process counts as hung. */
const GRACE_MS = 30_000;
/** A process holds the modules of all folders that it has seen. Beyond this it is not used again. */
const MOST_MEGABYTES = 1_000;

/** How long the last line of a batch may be: it names the files that have left something open. */
const END_LENGTH = 10_000;

const IS_GROUP = process.platform !== 'win32';

/**
 * Processes that run test files of one folder after another. Starting a process for each, loading
 * the packages and waiting for the engine to make its code fast costs more than most tests do.
 * A process in which something stayed open is not used again.
 */
export class Company {
  readonly #idle: ChildProcess[] = [];
  readonly #all = new Set<ChildProcess>();

  /** Runs a batch in a process that has nothing else to do, or in a new one. */
  async run(batch: Batch, signal?: AbortSignal): Promise<BatchResult> {
    signal?.throwIfAborted();
    const member = this.#idle.pop() ?? this.#hire(batch);
    const kill = () => end(member);
    signal?.addEventListener('abort', kill, { once: true });
    const { reusable, ...result } = await carryOut(member, batch);
    signal?.removeEventListener('abort', kill);
    if (reusable) this.#idle.push(member);
    else this.#dismiss(member);
    return result;
  }

  /** Ends all processes. */
  close(): void {
    for (const member of this.#all) this.#dismiss(member);
  }

  #hire({ cwd, env }: Batch): ChildProcess {
    const child = fork(MEMBER, {
      cwd,
      env,
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Out of reach of the terminal's Ctrl-C, and to be ended with all that it starts.
      detached: IS_GROUP,
    });
    child.stdout?.setEncoding('utf8');
    child.stderr?.setEncoding('utf8');
    this.#all.add(child);
    return child;
  }

  #dismiss(member: ChildProcess): void {
    this.#all.delete(member);
    end(member);
  }
}

function end(child: ChildProcess): void {
  killTree(child.pid, IS_GROUP);
}

/** Of a process that has not come to the end. */
const BROKEN: BatchEnd = { exitCode: 1, left: [], megabytes: Number.POSITIVE_INFINITY };

interface Carried extends BatchResult {
  reusable: boolean;
}

/** Has the process run a batch, and kills it when it hangs. */
function carryOut(child: ChildProcess, batch: Batch): Promise<Carried> {
  const { promise, resolve } = Promise.withResolvers<Carried>();
  const stdout: string[] = [];
  let tail = '';
  let stderr = '';
  let hung: NodeJS.Timeout | undefined;
  const done = ({ exitCode, left, megabytes }: BatchEnd = BROKEN) => {
    clearTimeout(hung);
    for (const stream of [child.stdout, child.stderr]) stream?.removeAllListeners('data');
    child.removeAllListeners('close');
    child.removeAllListeners('error');
    resolve({
      stdout: stdout.join('').replace(END, '\n'),
      stderr,
      exitCode,
      left,
      reusable: left.length === 0 && megabytes < MOST_MEGABYTES,
    });
  };
  const wait = () => {
    clearTimeout(hung);
    hung = setTimeout(() => end(child), batch.seconds * 1000 + GRACE_MS);
  };
  child.stdout?.on('data', (text: string) => {
    stdout.push(text);
    wait();
    tail = (tail + text).slice(-END_LENGTH);
    const end = END.exec(tail);
    if (end !== null) done(JSON.parse(end[1] ?? ''));
  });
  child.stderr?.on('data', (text: string) => {
    stderr += text;
  });
  child.once('error', () => done()).once('close', () => done());
  wait();
  child.send(batch, (error) => {
    if (error) done();
  });
  return promise;
}
