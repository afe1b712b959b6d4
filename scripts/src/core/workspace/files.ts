import { lstatSync, mkdirSync, renameSync, type Stats, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CourseError, ExitCode } from '../errors.ts';

/** Writes a file so that a reader, or an interruption, sees the old content or the new one. */
export function writeWhole(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, content);
  renameSync(temporary, file);
}

/** What is at a path itself, without following a link; undefined when nothing is there. */
export function statsOf(file: string): Stats | undefined {
  try {
    return lstatSync(file, { throwIfNoEntry: false });
  } catch (error) {
    // A part of the path above it is a file.
    if (hasCode(error) && error.code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/** Whether an error is one of the system's, with a code such as ENOSPC. */
export function hasCode(error: unknown): error is NodeJS.ErrnoException & { code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}

/**
 * Turns an error of the file system into a sentence for a person; `consequence` says what became of
 * the workspace. Other errors are given back as they are.
 */
export function explain(error: unknown, consequence: string): unknown {
  if (!hasCode(error)) return error;
  const where = 'path' in error && error.path !== undefined ? ` (${error.path})` : '';
  const reason = REASONS[error.code];
  if (reason === undefined) return error;
  return new CourseError(
    `${reason.what}${where}. ${consequence} ${reason.todo}`,
    ExitCode.fellShort,
  );
}

const REASONS: Record<string, { what: string; todo: string }> = {
  ENOSPC: { what: 'The disk is full', todo: 'Make room and run the command again.' },
  EDQUOT: { what: 'Your disk quota is used up', todo: 'Make room and run the command again.' },
  EFBIG: {
    what: 'A file could not be written whole',
    todo: 'Lift the limit on file sizes and run the command again.',
  },
  EROFS: {
    what: 'The disk can only be read',
    todo: 'Move the course to a disk that can be written to.',
  },
  EACCES: {
    what: 'There is no permission to write',
    todo: 'Give yourself the right to write there and run the command again.',
  },
  EPERM: {
    what: 'There is no permission to write',
    todo: 'Give yourself the right to write there, or close the program that has the file open, and run the command again.',
  },
  EBUSY: {
    what: 'A file is in use',
    todo: 'Close the program that has it open and run the command again.',
  },
  ENOTDIR: {
    what: 'A file is where a folder should be',
    todo: 'Move it away and run the command again.',
  },
  EEXIST: {
    what: 'A file is where a folder should be',
    todo: 'Move it away and run the command again.',
  },
  ELOOP: {
    what: 'A symbolic link leads back to itself',
    todo: 'Remove it and run the command again.',
  },
};
