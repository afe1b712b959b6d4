import type { Fence } from '../core/lesson.ts';

/** One command of a `console` fence and the output that the lesson shows for it. */
export interface ShownCommand {
  /** As typed, continuation lines joined by line breaks. */
  command: string;
  /** The line of the command in the lesson, from 1. */
  line: number;
  /** The output's lines, without the indentation of the fence. */
  shown: string[];
  /** The lines of the lesson that hold the output: from `start` (from 1), `count` many. */
  output: { start: number; count: number };
  /** False for a command that ends in `# not run` or `# in another terminal`. */
  runs: boolean;
}

const NOT_RUN = /#\s*(not run|in another terminal)\s*$/;

/** The commands of the `console` fences, in order. */
export function shownCommands(fences: Fence[]): ShownCommand[] {
  return fences.filter(({ lang }) => lang === 'console').flatMap(commandsOf);
}

/** The lines of `console` fences that stand before any command, as `line` numbers of the lesson. */
export function strayOutput(fences: Fence[]): number[] {
  return fences
    .filter(({ lang, value }) => lang === 'console' && !value.startsWith('$ '))
    .map(({ line }) => line + 1);
}

function commandsOf(fence: Fence): ShownCommand[] {
  const commands: ShownCommand[] = [];
  let typing = false;
  fence.value.split('\n').forEach((text, index) => {
    const line = fence.line + 1 + index;
    const last = commands.at(-1);
    if (text.startsWith('$ ')) {
      const output = { start: line + 1, count: 0 };
      commands.push({ command: text.slice(2), line, shown: [], output, runs: true });
      typing = true;
    } else if (last !== undefined && typing && /^>( |$)/.test(text)) {
      last.command += `\n${text.slice(2)}`;
      last.output.start = line + 1;
    } else if (last !== undefined) {
      typing = false;
      last.shown.push(text);
      last.output.count += 1;
    }
  });
  for (const command of commands) command.runs = !NOT_RUN.test(command.command);
  return commands;
}

/**
 * Puts new output in place of the old.
 *
 * @param source the text of the lesson.
 * @param changes the commands, and the lines that each should show.
 */
export function withOutputs(
  source: string,
  changes: { command: ShownCommand; output: string[] }[],
): string {
  const lines = source.split('\n');
  // From the last to the first, so that the numbers of the lines before stay true.
  for (const { command, output } of changes.toSorted((a, b) => b.command.line - a.command.line)) {
    const indent = /^\s*/.exec(lines[command.line - 1] ?? '')?.[0] ?? '';
    const ending = lines[command.line - 1]?.endsWith('\r') ? '\r' : '';
    const { start, count } = command.output;
    const written = output.map((line) => (line === '' ? '' : `${indent}${line}`) + ending);
    lines.splice(start - 1, count, ...written);
  }
  return lines.join('\n');
}
