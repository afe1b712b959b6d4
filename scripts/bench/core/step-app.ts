import diagnostics from 'node:diagnostics_channel';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { format } from 'mysql2';
import { serviceEnvironment, withDatabase } from '../../src/core/app-process.ts';
import { courseAt, listSteps } from '../../src/core/course.ts';
import type { BenchContext } from './context.ts';

/** What is used of a step's app; its types are out of reach, since a step is found by its slug. */
export interface StepApp {
  inject(request: { url: string; headers: object }): Promise<{ statusCode: number }>;
  close(): Promise<void>;
}

/** The folder of a step, found by its slug. @throws when there is none. */
export function stepFolder(slug: string): string {
  const course = courseAt(fileURLToPath(new URL('../../..', import.meta.url)));
  const step = listSteps(course).find((candidate) => candidate.slug === slug);
  if (step === undefined) throw new Error(`There is no step ${slug} any more.`);
  return step.dir;
}

/** A step's app in this process, where its statements can be seen. Whoever opens it closes it. */
export async function openStepApp(slug: string, database: string): Promise<StepApp> {
  const dir = stepFolder(slug);
  const file = (name: string) => pathToFileURL(join(dir, 'src', name)).href;
  const { buildApp } = await import(file('app.ts'));
  const { loadConfig } = await import(file('config.ts'));
  const services = await serviceEnvironment(dir, { quiet: true });
  const config = loadConfig({
    NODE_ENV: 'production',
    JWT_SECRET: 'only-for-the-minutes-of-one-benchmark',
    UPLOADS_DIR: join(tmpdir(), 'fanout-bench-uploads'),
    RATE_LIMIT_FACTOR: '1000000',
    ...services,
    DATABASE_URL: withDatabase(services.DATABASE_URL ?? '', database),
  });
  return buildApp({ config });
}

/** The SQL that is sent from this process while it does something, as mysql2 reports it. */
export async function recordStatements(work: () => Promise<void>): Promise<string[]> {
  const statements: string[] = [];
  const record = (message: unknown) => {
    const { query, values } = message as { query: string; values?: Parameters<typeof format>[1] };
    // What a new connection says first is nobody's.
    if (!query.startsWith('SET ')) statements.push(format(query, values ?? []));
  };
  diagnostics.subscribe('tracing:mysql2:query:start', record);
  try {
    await work();
  } finally {
    diagnostics.unsubscribe('tracing:mysql2:query:start', record);
  }
  return statements;
}

/** The SQL that one request is answered with. @throws when it is not 200. */
export async function statementsOf(
  app: StepApp,
  { path, headers }: { path: string; headers: object },
): Promise<string[]> {
  return recordStatements(async () => {
    const { statusCode } = await app.inject({ url: path, headers });
    if (statusCode !== 200) throw new Error(`${path} was answered with ${statusCode}.`);
  });
}

/** The rows that MySQL reads for a statement, by its own count. */
export async function rowsReadBy(
  context: BenchContext,
  statement: string,
  database: string,
): Promise<number> {
  await context.sql('FLUSH STATUS', database);
  await context.sql(statement);
  // MariaDB counts an entry that it looks at in the index, and passes over, as `icp_attempts`.
  const counts = await context.sql(
    "SHOW STATUS WHERE Variable_name RLIKE '^Handler_(read_|icp_attempts)'",
  );
  return counts.reduce((sum, { Value }) => sum + Number(Value), 0);
}
