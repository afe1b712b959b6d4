import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import createError from '@fastify/error';
import type { FastifyError } from 'fastify';
import fp from 'fastify-plugin';

const RouteNotFound = createError('ROUTE_NOT_FOUND', 'There is no %s %s', 404);
export const Closing = createError('CLOSING', 'This server is closing: try another', 503);
export const Unavailable = createError('UNAVAILABLE', 'What this needs is away for now', 503);

/** How errors are named when a server does not take us, or is gone in the middle. */
const AWAY = /^(ECONN|ETIMEDOUT|EPIPE|PROTOCOL_CONNECTION_LOST|ER_CON_COUNT|ER_SERVER_SHUTDOWN)/;

/** One error shape for the whole API: `{ statusCode, code, error, message }`. */
export const errorsPlugin = fp(async (app) => {
  app.setErrorHandler((thrown: Partial<FastifyError> | null, request, reply) => {
    const error = isAway(thrown) ? new Unavailable({ cause: thrown }) : thrown;
    if (error instanceof Unavailable) reply.header('retry-after', 2).log.error(error);
    const { statusCode = 500, code = 'BAD_REQUEST', message } = error ?? {};
    const isHonest = error instanceof Closing || error instanceof Unavailable;
    if (statusCode < 400 || (statusCode >= 500 && !isHonest)) {
      request.log.error(error);
      return reply.code(500).send({
        statusCode: 500,
        code: 'INTERNAL_ERROR',
        error: STATUS_CODES[500],
        message: 'Something went wrong on our side. The x-request-id header names this request.',
      });
    }
    return reply
      .code(statusCode)
      .send({ statusCode, code, error: STATUS_CODES[statusCode], message });
  });

  app.setNotFoundHandler(({ method, url }) => {
    throw new RouteNotFound(method, url.split('?')[0]);
  });
});

/** `fatal` is mysql2's: the connection is of no more use. With a status it is the client who left. */
function isAway(error: { statusCode?: number; code?: string; fatal?: boolean } | null): boolean {
  return !error?.statusCode && (error?.fatal === true || AWAY.test(error?.code ?? ''));
}

type Broken = [statusCode: number, code: string, message: string];
const BROKEN_REQUESTS: Record<string, Broken> = {
  HPE_HEADER_OVERFLOW: [431, 'HEADERS_TOO_LARGE', 'The headers are longer than 8 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'REQUEST_TIMEOUT', 'The request did not come to its end'],
};
const MALFORMED: Broken = [400, 'MALFORMED_REQUEST', 'This is not HTTP'];

/** Answers what never became a request, so that no hook and no error handler has seen it. */
export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket) {
  if (error.code === 'ECONNRESET' || !socket.writable) return socket.destroy();
  const [statusCode, code, message] = BROKEN_REQUESTS[error.code ?? ''] ?? MALFORMED;
  const label = STATUS_CODES[statusCode];
  const body = JSON.stringify({ statusCode, code, error: label, message });
  const headers = `content-type: application/json\r\ncontent-length: ${body.length}`;
  socket.end(`HTTP/1.1 ${statusCode} ${label}\r\n${headers}\r\nconnection: close\r\n\r\n${body}`);
}
