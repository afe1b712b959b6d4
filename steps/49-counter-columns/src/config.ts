import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import Value from 'typebox/value';

const ConfigSchema = Type.Object({
  NODE_ENV: Type.Enum(['development', 'test', 'production'], { default: 'development' }),
  HOST: Type.String({ default: '127.0.0.1' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 3000 }),
  LOG_LEVEL: Type.Enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
    default: 'info',
  }),
  DATABASE_URL: Type.String({ pattern: '^mysql://[^/]+/.' }),
  MEMCACHED_URL: Type.String({ pattern: '^memcached://' }),
  REDIS_URL: Type.String({ pattern: '^rediss?://' }),
  JWT_SECRET: Type.String({ minLength: 32 }),
  UPLOADS_DIR: Type.String(),
  S3_BUCKET: Type.Optional(Type.String()),
  S3_REGION: Type.String({ default: 'us-east-1' }),
  S3_ENDPOINT: Type.Optional(Type.String({ pattern: '^https?://' })),
  S3_PATH_STYLE: Type.Boolean({ default: false }),
  S3_ACCESS_KEY_ID: Type.Optional(Type.String()),
  S3_SECRET_ACCESS_KEY: Type.Optional(Type.String()),
});

/** What holds a secret, or what must not get lost, has a default only outside production. */
const DEVELOPMENT_DEFAULTS = {
  DATABASE_URL: 'mysql://root:fanout@127.0.0.1:13306/fanout',
  MEMCACHED_URL: 'memcached://127.0.0.1:21211',
  REDIS_URL: 'redis://127.0.0.1:16379',
  JWT_SECRET: 'for-development-only-never-in-production',
  UPLOADS_DIR: join(tmpdir(), 'fanout-uploads'),
};

export type Config = Static<typeof ConfigSchema>;

/** Every key begins with the database's name: databases share servers, and each has a user 1. */
export function keyPrefix({ DATABASE_URL }: Pick<Config, 'DATABASE_URL'>): string {
  return new URL(DATABASE_URL).pathname.slice(1);
}

/** The environment does not fit the configuration. The message names every variable at fault. */
export class ConfigError extends Error {}

/**
 * Reads the configuration from environment variables; what is not set, or empty, gets its default.
 *
 * @throws {ConfigError} with one message for all variables at fault. It never repeats a value,
 *   because the next one may be a password.
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const defaults = env.NODE_ENV === 'production' ? {} : DEVELOPMENT_DEFAULTS;
  // With a bucket there is no folder.
  const noFolder = env.S3_BUCKET ? { UPLOADS_DIR: '' } : {};
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const config = Value.Convert(
    ConfigSchema,
    Value.Default(ConfigSchema, { ...defaults, ...noFolder, ...set }),
  );
  if (Value.Check(ConfigSchema, config)) return Value.Clean(ConfigSchema, config) as Config;
  const problems = Value.Errors(ConfigSchema, config).map(
    ({ instancePath, message, params }) =>
      `  ${instancePath.slice(1) || 'They'} ${message}${'allowedValues' in params ? `: ${params.allowedValues.join(', ')}` : ''}`,
  );
  throw new ConfigError(
    ['The configuration is wrong. Correct these environment variables:', ...problems].join('\n'),
  );
}

/** The configuration of this process, which ends with a message if it is wrong. */
export function configOrExit(): Config {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
