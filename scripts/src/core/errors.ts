/** The exit codes of the tool, the same for every command. */
export const ExitCode = { good: 0, fellShort: 1, misused: 2 } as const;

/**
 * An error meant for the person at the keyboard: a whole sentence that says what to do next.
 * `cli.ts` prints the message without a stack and leaves with the exit code.
 */
export class CourseError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = ExitCode.misused) {
    super(message);
    this.name = 'CourseError';
    this.exitCode = exitCode;
  }
}
