import { spawnSync } from 'node:child_process';

/**
 * Ends a process and all that it started.
 *
 * @param isGroup it was started as the first of a group (`detached`).
 */
export function killTree(pid: number | undefined, isGroup: boolean): void {
  if (pid === undefined) return;
  if (process.platform === 'win32') {
    spawnSync('taskkill', ['/pid', String(pid), '/T', '/F']);
    return;
  }
  try {
    process.kill(isGroup ? -pid : pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
