import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Course, Step } from './course.ts';

/** When this learner's tests of a step were first green: step number to ISO time. */
export type Progress = Map<number, string>;

/** The one plain-text file that keeps a learner's progress: a line a step, `13 green TIME`. */
export function progressFile(course: Course): string {
  return join(course.stateDir, 'progress');
}

/** Reads the learner's progress; lines that it does not understand are passed over. */
export function readProgress(course: Course): Progress {
  const file = progressFile(course);
  if (!existsSync(file)) return new Map();
  const lines = readFileSync(file, 'utf8').split(/\r?\n/);
  return new Map(
    lines.flatMap((line): [number, string][] => {
      const [, number, time] = /^(\d+) green (\S+)$/.exec(line) ?? [];
      return number === undefined || time === undefined ? [] : [[Number(number), time]];
    }),
  );
}

/**
 * Writes down that the step's tests are green. The first time counts and stays. The file is
 * replaced as a whole, so that an interrupted command leaves the old one.
 */
export function markGreen(course: Course, step: Step, now = new Date()): void {
  const progress = readProgress(course);
  if (progress.has(step.number)) return;
  progress.set(step.number, now.toISOString());
  const lines = [...progress]
    .sort(([a], [b]) => a - b)
    .map(([number, time]) => `${String(number).padStart(2, '0')} green ${time}\n`);
  mkdirSync(course.stateDir, { recursive: true });
  const unfinished = `${progressFile(course)}.${process.pid}`;
  writeFileSync(unfinished, lines.join(''));
  renameSync(unfinished, progressFile(course));
}
