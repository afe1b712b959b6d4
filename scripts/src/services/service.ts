/** The names of the services that the course can start. */
export type ServiceName = 'mysql' | 'redis' | 'redis-queue' | 'memcached';

/** What a service says about itself when it is asked over its own protocol. */
export interface Health {
  /** For people: `MariaDB 10.11.6`. */
  version: string;
  upSince: Date;
  /** The server's data folder, by which a server of ours is told from one that is not. */
  dataDir: string;
}

/** What a server of ours is started with. Every path is absolute. */
export interface Launch {
  /** The server's executable. */
  program: string;
  dataDir: string;
  port: number;
  /** The server runs as root because no other user can reach its data folder. */
  asRoot: boolean;
}

/** A command to run: no shell is involved. */
export interface CommandLine {
  file: string;
  args: string[];
}

/**
 * One kind of server. To add a service, write a file with one of these, name it in
 * `ServiceName` and in `registry.ts`, and add it to docker-compose.yml under the same name.
 */
export interface Service {
  /** Also the service's name in docker-compose.yml. */
  name: ServiceName;
  title: string;
  /** The environment variable that holds its address. */
  variable: 'DATABASE_URL' | 'REDIS_URL' | 'QUEUE_REDIS_URL' | 'MEMCACHED_URL';
  defaultPort: number;
  /** The variable by which docker-compose.yml takes another port on the host. */
  composePortVariable: string;
  /** The server's executables, the preferred one first. */
  programs: string[];
  /**
   * Debian's packages that bring the server: sets of names, the first that can be had is taken,
   * the last is the one to tell people.
   */
  packages: string[][];
  /** The daemon that the packages bring, which is kept from running, and its port. */
  daemon: { name: string; port: number };
  /** The system users that may own the process when the tool runs as root, the preferred first. */
  users: string[];
  /** The address for a port on this machine. */
  url(port: number): string;
  /** Asks the server at `url` who it is. Rejects when it does not answer within `timeout` ms. */
  health(url: string, timeout: number): Promise<Health>;
  /** Tells the server at `url` to stop; it answers before it is down. */
  stop(url: string): Promise<void>;
  /** The kind of data that this program keeps: data of one kind cannot be opened by another. */
  kind(program: string): Promise<string>;
  /** The command that makes a new data folder (which exists and is empty), if one is needed. */
  initialise(launch: Launch): Promise<CommandLine | undefined>;
  /** The command that runs the server in the foreground. */
  run(launch: Launch): CommandLine;
}
