import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Kysely } from 'kysely';
import { FileMigrationProvider, Migrator } from 'kysely/migration';
import { configOrExit } from './config.ts';
import { type Database, openDatabase } from './database.ts';

/**
 * Brings the database to the newest migration (`up`) or takes the last one back (`down`).
 *
 * @returns a line for each migration that ran.
 * @throws what the failing migration threw; those before it stay.
 */
export async function migrate(db: Kysely<Database>, direction = 'up'): Promise<string[]> {
  const provider = new FileMigrationProvider({
    fs: { readdir },
    path,
    migrationFolder: fileURLToPath(new URL('../migrations', import.meta.url)),
    import: (file) => import(pathToFileURL(file).href),
  });
  const migrator = new Migrator({ db, provider });
  const { error, results = [] } =
    direction === 'up' ? await migrator.migrateToLatest() : await migrator.migrateDown();
  if (error) throw error;
  return results.map((result) => `${result.direction} ${result.migrationName}: ${result.status}`);
}

if (import.meta.main) {
  const [direction = 'up'] = process.argv.slice(2);
  if (!['up', 'down'].includes(direction))
    throw new Error('Say "npm run migrate -- up" or "down".');
  const db = openDatabase(configOrExit());
  const lines = await migrate(db, direction).finally(() => db.destroy());
  console.log(lines.join('\n') || 'There is nothing to migrate.');
}
