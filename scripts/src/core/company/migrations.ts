import type { Socket } from 'node:net';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';

/** What is used of a step's Kysely instance. */
interface Database {
  executeQuery(query: unknown): Promise<{ rows: unknown[] }>;
}
type Migrate = (db: Database, ...rest: unknown[]) => Promise<string[]>;

/** Statements that bring an empty database to where a step's migrations bring it. */
interface Recipe {
  statements: string;
  /** What the migrations said. */
  lines: string[];
}

let connection: Promise<Connection> | undefined;

/**
 * Stands in for a step's `migrate` where a test file asks for a migrated database: the first file's
 * is migrated, and the others get tables like those, with the rows that the migrations put there,
 * in one round trip instead of the hundred of two dozen migrations.
 */
export function repeatMigrations(real: Migrate): Migrate {
  let recipe: Promise<Recipe | undefined> | undefined;
  return async (db, ...rest) => {
    const [row] = (await db.executeQuery(raw('SELECT DATABASE() AS name'))).rows;
    const { name } = row as { name: string };
    if (rest.length > 0 || !(await isEmpty(name))) return real(db, ...rest);
    if (recipe === undefined) {
      const { promise, resolve } = Promise.withResolvers<Recipe | undefined>();
      recipe = promise;
      try {
        const lines = await real(db);
        resolve(await recipeOf(name, lines));
        return lines;
      } finally {
        resolve(undefined);
      }
    }
    const known = await recipe;
    if (known === undefined) return real(db);
    await ask(`USE \`${name}\`; ${known.statements}`);
    return known.lines;
  };
}

/** The recipe for a database like this one; undefined when it has more than tables with rows. */
async function recipeOf(name: string, lines: string[]): Promise<Recipe | undefined> {
  await ask(`USE \`${name}\``);
  const [schema] = await ask(
    `SELECT default_character_set_name AS charset, default_collation_name AS collation FROM information_schema.schemata WHERE schema_name = '${name}'`,
  );
  const [other] = await ask(
    `SELECT (SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = '${name}') + (SELECT COUNT(*) FROM information_schema.routines WHERE routine_schema = '${name}') + (SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '${name}' AND table_type <> 'BASE TABLE') AS count`,
  );
  if (Number(other?.count) > 0) return undefined;
  const statements = [
    `ALTER DATABASE CHARACTER SET ${schema?.charset} COLLATE ${schema?.collation}`,
    'SET FOREIGN_KEY_CHECKS = 0',
  ];
  const db = await open();
  for (const row of await ask('SHOW TABLES')) {
    const table = String(Object.values(row)[0]);
    const [created] = await ask(`SHOW CREATE TABLE \`${table}\``);
    statements.push(String(created?.['Create Table']));
    for (const values of await ask(`SELECT * FROM \`${table}\``)) {
      statements.push(db.format(`INSERT INTO \`${table}\` SET ?`, [values]));
    }
  }
  return { statements: [...statements, 'SET FOREIGN_KEY_CHECKS = 1'].join(';\n'), lines };
}

async function isEmpty(name: string): Promise<boolean> {
  return (await ask(`SHOW TABLES FROM \`${name}\``)).length === 0;
}

/** One connection for the process. The server is that of the tests. */
function open(): Promise<Connection> {
  const uri = process.env.DATABASE_URL ?? '';
  connection ??= connect(uri);
  return connection;
}

async function connect(uri: string): Promise<Connection> {
  const made = await createConnection({ uri, multipleStatements: true, dateStrings: true });
  // It stays open, and is nothing that a test file has left open.
  (made as unknown as { connection: { stream: Socket } }).connection.stream.unref();
  return made;
}

async function ask(statement: string): Promise<RowDataPacket[]> {
  const [rows] = await (await open()).query(statement);
  return rows as RowDataPacket[];
}

/** A query as Kysely takes it compiled. */
function raw(sql: string) {
  const query = { kind: 'RawNode', sqlFragments: [sql], parameters: [] };
  return { sql, parameters: [], query, queryId: { queryId: 'fanout' } };
}
