import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { dropDatabases } from '../core/app-process.ts';

/** The process that made a database: `fanout_test_4711_ab12cd34`. */
const OWNER = /^fanout_(?:test|verify)_(\d+)_/;

/** The names of the databases on the server; none when there is no server. */
export async function databasesOn(url: string | undefined): Promise<Set<string>> {
  if (url === undefined) return new Set();
  const connection = await createConnection(url.replace(/\/[^/]*$/, '/'));
  try {
    const [rows] = await connection.query<RowDataPacket[]>({
      sql: 'SHOW DATABASES',
      rowsAsArray: true,
    });
    return new Set(rows.map((row) => String(row[0])));
  } finally {
    await connection.end();
  }
}

/**
 * Drops the databases that killed or crashed test files have left: those that were not there
 * `before` and whose process is gone.
 */
export async function dropLeftovers(url: string | undefined, before: Set<string>): Promise<void> {
  if (url === undefined) return;
  const left = [...(await databasesOn(url))].filter((name) => {
    const owner = OWNER.exec(name)?.[1];
    return owner !== undefined && !before.has(name) && !isAlive(Number(owner));
  });
  await dropDatabases(url, left);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
