import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { Command, CommanderError } from 'commander';
import { CourseError, ExitCode } from './core/errors.ts';
import { explain } from './core/workspace/files.ts';

/** What every file in `commands/` exports: it adds its command to the program. */
interface CommandModule {
  register(program: Command): void;
}

const FOLDER = new URL('./commands/', import.meta.url);

/**
 * Runs the tool.
 *
 * @param args the words after `course`.
 * Sets the exit code: 0 good, 1 a check fell short, 2 used wrongly.
 */
export async function main(args: string[]): Promise<void> {
  // Whoever reads the output may stop reading, as `| head` does: what is under way is finished.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  const program = await buildProgram(args[0]);
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = report(error);
  }
}

/**
 * The program with the command of this name, which is quick to load, or with every command of
 * `commands/` where there is none of that name: then somebody wants the list of them.
 */
export async function buildProgram(name = ''): Promise<Command> {
  const program = new Command('course')
    .description('The tool of the Fanout course, for students, instructors and maintainers.')
    .exitOverride();
  const known = /^[a-z]+$/.test(name) && existsSync(new URL(`${name}.ts`, FOLDER));
  program.showHelpAfterError(
    known
      ? `("npx course ${name} --help" says how it is used.)`
      : '("npx course --help" lists the commands.)',
  );
  for (const file of known ? [`${name}.ts`] : await commandFiles()) {
    const command: CommandModule = await import(new URL(file, FOLDER).href);
    command.register(program);
  }
  return program;
}

async function commandFiles(): Promise<string[]> {
  return (await readdir(FOLDER)).filter((name) => name.endsWith('.ts')).sort();
}

function report(thrown: unknown): number {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : ExitCode.misused;
  const error = explain(thrown, 'The command stopped there.');
  if (error instanceof CourseError) {
    console.error(error.message);
    return error.exitCode;
  }
  console.error(error);
  return ExitCode.fellShort;
}
