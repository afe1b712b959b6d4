import { readdir } from 'node:fs/promises';
import { Command, CommanderError } from 'commander';
import { CourseError, ExitCode } from './core/errors.ts';

/** What every file in `commands/` exports: it adds its command to the program. */
interface CommandModule {
  register(program: Command): void;
}

/**
 * Runs the tool.
 *
 * @param args the words after `course`.
 * Sets the exit code: 0 good, 1 a check fell short, 2 used wrongly.
 */
export async function main(args: string[]): Promise<void> {
  const program = await buildProgram();
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** The program with every command of `commands/`, in the order of their files' names. */
export async function buildProgram(): Promise<Command> {
  const program = new Command('course')
    .description('The tool of the Fanout course, for students, instructors and maintainers.')
    .exitOverride()
    .showHelpAfterError('("npx course --help" lists the commands.)');
  const folder = new URL('./commands/', import.meta.url);
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.ts')).sort()) {
    const command: CommandModule = await import(new URL(file, folder).href);
    command.register(program);
  }
  return program;
}

function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : ExitCode.misused;
  if (error instanceof CourseError) {
    console.error(error.message);
    return error.exitCode;
  }
  console.error(error);
  return ExitCode.fellShort;
}
