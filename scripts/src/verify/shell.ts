import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** What one command printed, and how it ended. */
export interface ShellAnswer {
  /** Its stdout and stderr in the order in which they came, without carriage returns. */
  output: string;
  /** How it ended: by itself, not within the time, or by taking the shell with it. */
  end: 'done' | 'timeout' | 'shell ended';
}

/**
 * One bash that runs commands one after another, so that variables live on. Commands read nothing:
 * their stdin is empty.
 */
export class Shell {
  readonly #child: ChildProcess;
  readonly #mark = `__${randomUUID()}__`;
  #output = '';
  #ended = false;
  #wake: () => void = () => {};

  constructor(cwd: string, env: Record<string, string>) {
    this.#child = spawn(bash(), ['--noprofile', '--norc'], {
      cwd,
      env: { ...env, NO_COLOR: '1', TERM: 'dumb' },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A group of its own, so that a command that does not end can be killed with its children.
      detached: process.platform !== 'win32',
    });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
      this.#wake();
    });
    this.#child.stderr?.resume();
    // A shell that has gone is noticed by `close`; writing to it must not be an error as well.
    this.#child.stdin?.on('error', () => {});
    const ended = () => {
      this.#ended = true;
      this.#wake();
    };
    this.#child.once('error', ended);
    this.#child.once('close', ended);
    this.#child.stdin?.write('exec 2>&1\n');
  }

  /** Runs a command to its end, or kills the shell after `timeoutMs`. */
  async run(command: string, timeoutMs: number): Promise<ShellAnswer> {
    this.#output = '';
    // Quoted as a here-document, a command can have any quotes and lines, and a syntax error in it
    // does not swallow the mark.
    this.#child.stdin?.write(
      `eval "$(cat <<'${this.#mark}'\n${command}\n${this.#mark}\n)" </dev/null\nprintf '\\n%s\\n' '${this.#mark}'\n`,
    );
    const deadline = Date.now() + timeoutMs;
    while (!this.#ended && !this.#output.includes(`\n${this.#mark}\n`)) {
      const left = deadline - Date.now();
      if (left <= 0) {
        this.close();
        return { output: this.#printed(), end: 'timeout' };
      }
      await this.#next(left);
    }
    const done = this.#output.includes(`\n${this.#mark}\n`);
    return { output: this.#printed(), end: done ? 'done' : 'shell ended' };
  }

  /** Ends the shell and everything that it started. */
  close(): void {
    const { pid } = this.#child;
    try {
      // The group also has what a command left in the background, after the shell itself has gone.
      if (pid !== undefined && process.platform !== 'win32') process.kill(-pid, 'SIGKILL');
      else this.#child.kill('SIGKILL');
    } catch {
      // It is gone already.
    }
  }

  #printed(): string {
    const end = this.#output.indexOf(`\n${this.#mark}\n`);
    return (end === -1 ? this.#output : this.#output.slice(0, end)).replaceAll('\r', '');
  }

  #next(timeoutMs: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(done, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        done();
      };
    });
  }
}

/** The bash to use: on Windows that of Git, because the one in PATH may be that of WSL. */
function bash(): string {
  if (process.platform !== 'win32') return 'bash';
  const gitCore = execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim();
  const own = resolve(gitCore, '../../../bin/bash.exe');
  return existsSync(own) ? own : 'bash';
}
