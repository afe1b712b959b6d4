import { STATUS_CODES } from 'node:http';
import createError from '@fastify/error';
import type { FastifyError } from 'fastify';
import fp from 'fastify-plugin';

const RouteNotFound = createError('ROUTE_NOT_FOUND', 'There is no %s %s', 404);

/** One error shape for the whole API: `{ statusCode, code, error, message }`. */
export const errorsPlugin = fp(async (app) => {
  app.setErrorHandler((error: Partial<FastifyError> | null, request, reply) => {
    const { statusCode = 500, code = 'BAD_REQUEST', message } = error ?? {};
    if (statusCode < 400 || statusCode >= 500) {
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
