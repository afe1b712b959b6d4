import type { FastifyInstance } from 'fastify';

const healthy = { type: 'object', properties: { status: { type: 'string' } } };

/** `GET /healthz`: the process is alive. It asks nothing of anybody else. */
export async function healthRoutes(app: FastifyInstance) {
  app.get('/healthz', { schema: { response: { 200: healthy } } }, async () => ({ status: 'ok' }));
}
