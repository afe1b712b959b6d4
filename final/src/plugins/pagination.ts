import { createHmac, createSecretKey, hkdfSync } from 'node:crypto';
import createError from '@fastify/error';
import fp from 'fastify-plugin';
import type { Config } from '../config.ts';
import type { Place, Range, Slice } from '../pagination/keyset.ts';

declare module 'fastify' {
  interface FastifyInstance {
    page: <T>(
      list: string,
      query: { limit?: number; cursor?: string },
      read: (range: Range) => Promise<Slice<T>>,
    ) => Promise<{ items: T[]; nextCursor?: string; prevCursor?: string }>;
  }
}

export const InvalidCursor = createError('INVALID_CURSOR', 'Start again without this cursor', 400);

/**
 * `app.page` answers for an endless list. Its name tells it from all others: `tweets of 7`.
 * A cursor is `place.seal`. The seal ties it to its list and shows any change, so that clients
 * cannot make cursors and the way we write them stays ours. It guards no secret.
 */
export const paginationPlugin = fp<Config>(async (app, { JWT_SECRET }) => {
  // The number goes up with every change of what a place is: older cursors are then refused.
  const bytes = new Uint8Array(hkdfSync('sha256', JWT_SECRET, '', 'fanout cursors 1', 32));
  // Prepared once: given the bytes, each seal would begin with making a key of them.
  const key = createSecretKey(bytes);

  const seal = (list: string, text: string) =>
    `${text}.${createHmac('sha256', key).update(`${text} ${list}`).digest('base64url')}`;
  const write = (list: string, place: Place) =>
    seal(list, Buffer.from(JSON.stringify(place)).toString('base64url'));
  const read = (list: string, cursor: string): Place => {
    const [text = ''] = cursor.split('.');
    if (cursor !== seal(list, text)) throw new InvalidCursor();
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  };

  app.decorate('page', async (list, { limit = 20, cursor }, readRows) => {
    const from = cursor === undefined ? undefined : read(list, cursor);
    const { items, next, prev } = await readRows({ limit, from });
    return {
      items,
      ...(next && { nextCursor: write(list, next) }),
      ...(prev && { prevCursor: write(list, prev) }),
    };
  });
});
