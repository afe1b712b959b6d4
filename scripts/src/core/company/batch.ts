/** Test files that one process runs, one after the other. */
export interface Batch {
  /** The folder of the package. */
  cwd: string;
  /** The whole environment. */
  env: Record<string, string>;
  /** How many seconds a test file may take. */
  seconds: number;
  /** Relative to `cwd`. */
  files: string[];
}

/** What a process says of a batch when it is done. */
export interface BatchEnd {
  /** 1 when a case has failed. */
  exitCode: number;
  /** The files that have left something open: a socket, a timer. */
  left: string[];
  /** The memory that the process has by now. */
  megabytes: number;
}

/** Begins the last line of a batch; a {@link BatchEnd} as JSON follows. */
export const END_OF_BATCH = '# fanout: end of the batch ';
