import { ConfigError } from '../src/config.ts';

/** Something that the person at the terminal can mend: the message says what to do. */
export class Refusal extends Error {
  /** 1: not as things are; 2: the command was used wrongly. */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

const UNREACHABLE = ['ECONNREFUSED', 'ENOTFOUND', 'ETIMEDOUT', 'EHOSTUNREACH', 'ECONNRESET'];

/** Runs a tool's work, and turns what it throws into a sentence and an exit code. */
export async function runTool(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    process.exitCode = error instanceof Refusal ? error.exitCode : 1;
    console.error(messageOf(error));
  }
}

function messageOf(error: unknown): unknown {
  if (error instanceof Refusal || error instanceof ConfigError) return error.message;
  const { code = '', sqlMessage } = error as { code?: string; sqlMessage?: string };
  if (UNREACHABLE.includes(code)) {
    return 'No MySQL answers at DATABASE_URL: start one with "npx course services up", or correct the address.';
  }
  if (code === 'ER_BAD_DB_ERROR') {
    return 'The database that DATABASE_URL names does not exist: create it, or run "npm run seed" in the root of the repository, which does.';
  }
  if (code === 'ER_ACCESS_DENIED_ERROR' || code === 'ER_DBACCESS_DENIED_ERROR') {
    return `MySQL refuses the user of DATABASE_URL (${sqlMessage}): correct the name or the password.`;
  }
  return error;
}
