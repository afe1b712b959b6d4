import type { Command } from 'commander';
import { createConnection, type FieldPacket, type ResultSetHeader } from 'mysql2/promise';
import { withDatabase } from '../core/app-process.ts';
import { openCourse, requireStep } from '../core/course.ts';
import { CourseError, ExitCode } from '../core/errors.ts';
import { formatRows } from '../core/sql-table.ts';
import { hasCode } from '../core/workspace.ts';
import { servicesUp } from '../services/index.ts';

interface Options {
  step?: string;
  database?: string;
}

/** Adds `course sql`. */
export function register(program: Command): void {
  program
    .command('sql')
    .summary('run an SQL statement on the database')
    .description(
      `Runs one SQL statement and prints the result as a table.

The database is the one that --step or --database names; else your workspace's, where you have one; else that of DATABASE_URL, where it is set; else that of the finished app.`,
    )
    .argument('<statement>', 'the statement, in quotes')
    .option('--step <step>', 'the database of "npx course run NN"')
    .option('--database <name>', 'a database by its name')
    .addHelpText(
      'after',
      '\nExample:\n  npx course sql "EXPLAIN SELECT * FROM tweets ORDER BY id DESC"\n',
    )
    .action(run);
}

async function run(statement: string, options: Options): Promise<void> {
  const url = await chooseDatabase(options);
  try {
    const connection = await createConnection({
      uri: url,
      rowsAsArray: true,
      dateStrings: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      jsonStrings: true,
    });
    try {
      const [result, fields] = await connection.query(statement.replace(/;\s*$/, ''));
      console.log(present(result as unknown[][] | ResultSetHeader, fields));
    } finally {
      await connection.end();
    }
  } catch (error) {
    throw inWords(error, url);
  }
}

async function chooseDatabase({ step, database }: Options): Promise<string> {
  if (step !== undefined && database !== undefined) {
    throw new CourseError('Choose one: --step or --database.');
  }
  const course = openCourse();
  const named = step === undefined ? database : `fanout_step_${requireStep(course, step).id}`;
  // "course verify" runs the commands of a lesson against a database of its own.
  const { COURSE_SQL_URL: ofLesson, DATABASE_URL: given } = process.env;
  const server =
    ofLesson ?? given ?? (await servicesUp({ need: ['mysql'], quiet: true })).DATABASE_URL;
  if (named !== undefined) return withDatabase(server, named);
  if (ofLesson !== undefined || !hasCode(course)) return server;
  return withDatabase(server, 'fanout_workspace');
}

function present(result: unknown[][] | ResultSetHeader, fields: FieldPacket[]): string {
  if (Array.isArray(result)) return formatRows(fields, result);
  const { affectedRows, info } = result;
  const rows = `${affectedRows} ${affectedRows === 1 ? 'row' : 'rows'} affected`;
  return `Query OK, ${rows}${info ? `\n${info}` : ''}`;
}

/** An error of the database as one sentence. */
function inWords(error: unknown, url: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const { host, pathname } = new URL(url);
  const database = pathname.slice(1);
  if (error.code === 'ER_BAD_DB_ERROR') {
    return new CourseError(
      `There is no database ${database} yet: "npx course run" creates and migrates it ("npx course run NN" that of a step).`,
      ExitCode.fellShort,
    );
  }
  if (error.code === 'ECONNREFUSED' || error.code === 'ENOTFOUND') {
    return new CourseError(
      `No database server answers at ${host}: "npx course services up" starts one.`,
      ExitCode.fellShort,
    );
  }
  const reason = error.message.replace(/\s+/g, ' ').replace(/\.$/, '');
  return new CourseError(
    `The database ${database} refuses the statement: ${reason} (${String(error.code)}).`,
    ExitCode.fellShort,
  );
}
