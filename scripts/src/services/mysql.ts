import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import type { RowDataPacket } from 'mysql2';
import { type Connection, createConnection } from 'mysql2/promise';
import { findProgram } from './programs.ts';
import type { Launch, Service } from './service.ts';

const PASSWORD = 'fanout';

/** Run by the server at every start, so it repairs what somebody changed by hand. */
const FIRST_STATEMENTS = [
  ...['localhost', '127.0.0.1'].flatMap((host) => [
    `CREATE USER IF NOT EXISTS 'root'@'${host}' IDENTIFIED BY '${PASSWORD}';`,
    `ALTER USER 'root'@'${host}' IDENTIFIED BY '${PASSWORD}';`,
    `GRANT ALL PRIVILEGES ON *.* TO 'root'@'${host}' WITH GRANT OPTION;`,
  ]),
  'CREATE DATABASE IF NOT EXISTS fanout;',
];

/** MySQL, or MariaDB where that is what the machine has. */
export const mysql: Service = {
  name: 'mysql',
  title: 'MySQL',
  variable: 'DATABASE_URL',
  defaultPort: 13306,
  composePortVariable: 'FANOUT_MYSQL_PORT',
  programs: ['mariadbd', 'mysqld'],
  // The first set is the server without a daemon that starts with the machine.
  packages: [['mariadb-server-core', 'mariadb-client-core'], ['mariadb-server']],
  daemon: { name: 'mariadb', port: 3306 },
  users: ['mysql', 'nobody'],

  url: (port) => `mysql://root:${PASSWORD}@127.0.0.1:${port}/fanout`,

  async health(url, timeout) {
    const connection = await connect(url, timeout);
    try {
      const ask = async (sql: string): Promise<RowDataPacket> => {
        const [rows] = await connection.query<RowDataPacket[]>({ sql, timeout });
        return (rows[0] ?? {}) as RowDataPacket;
      };
      const server = await ask('SELECT VERSION() AS version, @@datadir AS dataDir');
      const uptime = await ask("SHOW GLOBAL STATUS LIKE 'Uptime'");
      return {
        version: describeVersion(String(server.version)),
        upSince: new Date(Date.now() - Number(uptime.Value) * 1000),
        dataDir: String(server.dataDir),
      };
    } finally {
      connection.destroy();
    }
  },

  async stop(url) {
    const connection = await connect(url, 5000);
    try {
      await connection.query('SHUTDOWN');
    } finally {
      connection.destroy();
    }
  },

  async kind(program) {
    return (await isMariaDb(program)) ? 'MariaDB' : 'MySQL';
  },

  async initialise(launch) {
    if (!(await isMariaDb(launch.program))) {
      return {
        file: launch.program,
        args: ['--no-defaults', '--initialize-insecure', ...folderAndUser(launch)],
      };
    }
    // The script stands beside the server, or in bin/ or scripts/ next to it.
    const near = ['.', '../bin', '../scripts'].map((dir) => join(dirname(launch.program), dir));
    const installer = await findProgram(['mariadb-install-db', 'mysql_install_db'], near);
    if (installer === undefined) {
      throw new Error(`mariadb-install-db, which belongs to ${launch.program}, is not installed.`);
    }
    return {
      file: installer,
      args: [
        '--no-defaults',
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
        ...folderAndUser(launch),
      ],
    };
  },

  run(launch) {
    const dir = dirname(launch.dataDir);
    const initFile = join(dir, 'init.sql');
    const noFiles = join(dir, 'no-files');
    const temporary = join(dir, 'tmp');
    for (const folder of [noFiles, temporary]) mkdirSync(folder, { recursive: true });
    // The server may run as another user than we do, and has to write there.
    chmodSync(temporary, 0o1777);
    writeFileSync(initFile, `${FIRST_STATEMENTS.join('\n')}\n`);
    return {
      file: launch.program,
      args: [
        // The configuration of the machine's own server is none of ours.
        '--no-defaults',
        ...folderAndUser(launch),
        `--port=${launch.port}`,
        '--bind-address=127.0.0.1',
        // Relative to the data folder: the path of a Unix socket may have 107 characters at most.
        '--socket=mysql.sock',
        '--pid-file=mysql.pid',
        `--init-file=${initFile}`,
        // A server that starts clears its folder for temporary tables, even of those of another.
        `--tmpdir=${temporary}`,
        '--skip-name-resolve',
        '--character-set-server=utf8mb4',
        '--max-connections=600',
        '--innodb-buffer-pool-size=512M',
        // Data of a course can be made again: a crash of the machine may cost it, which buys
        // several times the speed of migrations and small transactions on a slow disk.
        '--innodb-flush-log-at-trx-commit=0',
        '--innodb-doublewrite=0',
        ...(process.platform === 'win32' ? [] : ['--innodb-flush-method=nosync']),
        '--loose-sync-frm=0',
        '--loose-debug-no-sync',
        '--skip-log-bin',
        '--performance-schema=OFF',
        '--loose-mysqlx=OFF',
        // With a known password nobody may read or write files through the server.
        `--secure-file-priv=${noFiles}`,
      ],
    };
  },
};

/** Connects without choosing a database: the one in the address may not be there yet. */
function connect(url: string, connectTimeout: number): Promise<Connection> {
  const { hostname, port, username, password } = new URL(url);
  return createConnection({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    connectTimeout,
  });
}

/** `10.11.6-MariaDB-0+deb12u1` becomes `MariaDB 10.11.6`. */
function describeVersion(version: string): string {
  const [number] = version.split('-');
  return `${version.includes('MariaDB') ? 'MariaDB' : 'MySQL'} ${number}`;
}

async function isMariaDb(program: string): Promise<boolean> {
  const { stdout } = await execa(program, ['--no-defaults', '--version']);
  return stdout.includes('MariaDB');
}

function folderAndUser({ dataDir, asRoot }: Launch): string[] {
  return [`--datadir=${dataDir}`, ...(asRoot ? ['--user=root'] : [])];
}
