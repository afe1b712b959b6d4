import type { Command } from 'commander';
import { openCourse } from '../core/course.ts';
import { prepareFinal, runTool } from '../final-app.ts';

/** Adds the hidden command `course app TOOL`, which `npm run seed` and `npm run demo` run. */
export function register(program: Command): void {
  program
    .command('app', { hidden: true })
    .description('runs final/tools/TOOL.ts with the services up and the database migrated')
    .argument('<tool>', 'such as seed')
    .argument('[arguments...]', 'handed on as they are')
    .allowUnknownOption()
    .helpOption(false)
    .action(async (_tool: string, _rest: string[], _options: unknown, command: Command) => {
      const [tool = '', ...args] = command.args;
      const course = openCourse();
      process.exitCode = await runTool(course, tool, args, await prepareFinal(course));
    });
}
