import type { Readable } from 'node:stream';
import Type from 'typebox';

/** 128 random bits in base64url, which nobody guesses: no path, and no other extension. */
export const MediaParamsSchema = Type.Object({
  name: Type.String({ pattern: '^[\\w-]{22}\\.webp$' }),
});

export const MediaSchema = Type.Unsafe<Readable>({ type: 'string', format: 'binary' });
