import { createServer } from 'node:net';
import { CourseError } from '../core/errors.ts';

/**
 * The first port from `start` on that nothing on this machine listens on.
 *
 * @throws {CourseError} when a hundred in a row are taken.
 */
export async function freePort(start: number): Promise<number> {
  for (let port = start; port < start + 100; port++) {
    if (await isFree(port)) return port;
  }
  throw new CourseError(
    `The ports ${start} to ${start + 99} are all taken on this machine: free one and try again.`,
    1,
  );
}

/** Whether nothing listens on this port of 127.0.0.1. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen({ host: '127.0.0.1', port, exclusive: true }, () =>
        server.close(() => resolve(true)),
      );
  });
}
