import type { Course } from '../course.ts';
import { repair } from './change.ts';

/** Finishes what an interrupted command left, and says so. Every workspace command begins with it. */
export async function sayRepaired(course: Course): Promise<void> {
  const sentence = await repair(course);
  if (sentence !== undefined) console.log(`${sentence}\n`);
}

/** Says how to get back what was in the workspace before a command replaced it. */
export function sayWayBack(before: string | undefined): void {
  if (before === undefined) return;
  const id = before.slice(0, 10);
  console.log(
    `\nWhat was in workspace/ is commit ${id}. To get it back:\n  git -C workspace restore --source=${id} --staged --worktree .`,
  );
}
