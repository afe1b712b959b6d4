import type { Readable } from 'node:stream';
import Type from 'typebox';

/** 128 random bits in base64url, which nobody guesses: no path, and no other extension. */
export const MediaParamsSchema = Type.Object({
  name: Type.String({ pattern: '^[\\w-]{22}\\.webp$' }),
});

const BytesSchema = Type.Unsafe<Readable>({ type: 'string', format: 'binary' });
export const MediaSchema = { content: { 'image/webp': { schema: BytesSchema } } };
