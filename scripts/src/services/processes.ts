import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';

/** Whether a process with this id runs. One that has ended and waits for its parent does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  try {
    // In a container without an init process, the ended children of an ended parent stay there.
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return true;
  }
}

/** Waits until the process is gone, at most `timeout` ms; says whether it is. */
export async function waitForEnd(pid: number, timeout: number): Promise<boolean> {
  for (const end = Date.now() + timeout; Date.now() < end; await sleep(25)) {
    if (!isAlive(pid)) return true;
  }
  return !isAlive(pid);
}

/** The command line of a process, or an empty text when it cannot be told. */
export async function commandLine(pid: number): Promise<string> {
  const result = await execa('ps', ['-ww', '-o', 'command=', '-p', String(pid)], { reject: false });
  return result.stdout ?? '';
}

/** A system user, to hand a process over to. */
export interface Owner {
  uid: number;
  gid: number;
}

/**
 * The first of `users` that exists and can reach `dir`, when this process is root; undefined when
 * it is not root, or none can. A server with a known password had better not be root.
 */
export async function ownerFor(users: string[], dir: string): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0 || !isReachableByAll(dir)) return undefined;
  for (const user of users) {
    const ask = async (flag: string) => (await execa('id', [flag, user], { reject: false })).stdout;
    const [uid, gid] = [await ask('-u'), await ask('-g')];
    if (uid && gid) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

function isReachableByAll(dir: string): boolean {
  for (let at = dir; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (dirname(at) === at) return true;
  }
}
