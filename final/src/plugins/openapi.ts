import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { RouteOptions } from 'fastify';
import fp from 'fastify-plugin';
import Type from 'typebox';

const ErrorSchema = Type.Object({
  statusCode: Type.Integer(),
  code: Type.String({ description: 'Stable, for programs' }),
  error: Type.String(),
  message: Type.String({ description: 'For people; may change' }),
});

/**
 * The API described by its own schemas: a page at `/docs`, the document at `/docs/json`.
 *
 * What a route does already says the rest: its URL names its group, its hooks tell whether it
 * wants a token. So nothing is written twice, and nothing can be forgotten.
 */
export const openapiPlugin = fp(async (app) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Fanout', description: 'A news feed', version: '1' },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    },
  });
  app.addHook('onRoute', (route) => {
    const hooks = hooksOf(route);
    route.schema = {
      tags: [/^\/api\/(\w+)/.exec(route.url)?.[1] ?? 'health'],
      ...(hooks.includes(app.authenticate) && { security: [{ bearer: [] }] }),
      ...(hooks.includes(app.identify) && { security: [{}, { bearer: [] }] }),
      ...route.schema,
      response: { ...(route.schema?.response ?? {}), '4xx': ErrorSchema },
    };
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    uiConfig: { persistAuthorization: true },
    staticCSP: true,
    // Without TLS, as on one's own machine, the page would have no scripts.
    transformStaticCSP: (policy) => policy.replace('upgrade-insecure-requests;', ''),
  });
});

function hooksOf({ onRequest = [] }: RouteOptions): unknown[] {
  return Array.isArray(onRequest) ? onRequest : [onRequest];
}
