import { styleText } from 'node:util';
import type { Command } from 'commander';
import { startApp } from '../core/app-process.ts';
import { openCourse } from '../core/course.ts';
import { CourseError, ExitCode } from '../core/errors.ts';
import {
  type DemoAccounts,
  demoAccounts,
  FINAL_DATABASE,
  hasTool,
  prepareFinal,
  type QueueBoard,
  queueBoard,
  runTool,
} from '../final-app.ts';
import { isFree } from '../services/ports.ts';

/** Adds the hidden command `course up`, which `npm start` runs. */
export function register(program: Command): void {
  program
    .command('up', { hidden: true })
    .description('starts the finished app with its services and data, until Ctrl-C')
    .action(up);
}

async function up(): Promise<void> {
  const course = openCourse();
  const port = await requirePort();
  const env = await prepareFinal(course);
  if (hasTool(course, 'seed')) {
    const exitCode = await runTool(course, 'seed', [], env);
    if (exitCode === 130) {
      process.exitCode = 130;
      return;
    }
    if (exitCode !== 0) {
      throw new CourseError(
        'The data could not be loaded, for the reason above: mend that and try again; what is loaded already is not loaded twice.',
        ExitCode.fellShort,
      );
    }
  }
  const signalled = new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGINT', () => resolve('SIGINT'));
    process.once('SIGTERM', () => resolve('SIGTERM'));
    process.once('SIGHUP', () => resolve('SIGTERM'));
  });
  const app = await startApp({
    dir: course.finalDir,
    databaseName: FINAL_DATABASE,
    port,
    keepWorker: true,
  });
  try {
    await waitUntilReady(app.url);
    printWelcome(app.url, await demoAccounts(course), await queueBoard(course, app.url, env));
    const first = await Promise.race([signalled, app.exited]);
    if (typeof first === 'string') {
      console.log(
        '\nStopping the app; the services stay up ("npx course services down" stops them).',
      );
      await app.stop(first);
      return;
    }
    throw new CourseError(
      `The ${first.name} ended by itself (${first.signal ?? `exit code ${first.code}`}): what it said is above.`,
      ExitCode.fellShort,
    );
  } finally {
    await app.stop();
  }
}

/** The port that PORT asks for, 3000 by default; it has to be free. */
async function requirePort(): Promise<number> {
  const text = process.env.PORT || '3000';
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) {
    throw new CourseError(`PORT is "${text}": give a number from 1 to 65535.`);
  }
  if (await isFree(port)) return port;
  const other = port === 65_535 ? 3001 : port + 1;
  throw new CourseError(
    `Port ${port} is taken by another program (perhaps by another "npm start"): stop that one, or choose another port with "PORT=${other} npm start".`,
    ExitCode.fellShort,
  );
}

/** Waits until GET /readyz answers 200, at most 20 seconds. An app without it is taken as ready. */
async function waitUntilReady(url: string): Promise<void> {
  let status = 0;
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    status = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5000) }).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200 || status === 404) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new CourseError(
    `The app listens at ${url}, but GET /readyz has not answered 200 for 20 seconds (last: ${status || 'no answer'}): look at its output above.`,
    ExitCode.fellShort,
  );
}

function printWelcome(
  url: string,
  accounts: DemoAccounts | undefined,
  board: QueueBoard | undefined,
): void {
  const bold = (text: string) => styleText('bold', text);
  const elsewhere = url.endsWith(':3000') ? '' : `PORT=${new URL(url).port} `;
  const login =
    accounts === undefined
      ? []
      : [
          `Log in as    ${accounts.usernames.slice(0, 3).join(', ')} (password: ${accounts.password})`,
        ];
  const password = board?.password === undefined ? '' : `, password: ${board.password}`;
  const queues =
    board === undefined ? [] : [`Queues       ${bold(board.url)} (any name${password})`];
  console.log(
    [
      '',
      `API          ${bold(url)}`,
      `Its page     ${bold(`${url}/docs`)}`,
      ...login,
      ...queues,
      '',
      'Next, in a second terminal:',
      `  ${bold(`${elsewhere}npm run demo`.padEnd(24))} the app at work, played in scenes`,
      `  ${bold('npx course list'.padEnd(24))} the steps of the course`,
      `  ${bold('npx course start 01'.padEnd(24))} begin with the first`,
      '',
      'Ctrl-C stops the app.',
    ].join('\n'),
  );
}
