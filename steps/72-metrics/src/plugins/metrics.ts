import { collectDefaultMetrics, Histogram, Registry } from '@prometheus-io/client';
import Fastify, { type FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { Config } from '../config.ts';

/**
 * Figures for Prometheus, at `/metrics` on a port of their own: they are for those who run this, and
 * a worker, which has no other port, has figures, too. Without `METRICS_PORT` nothing is measured.
 */
export const metricsPlugin = fp<Config>(async (app, { METRICS_HOST, METRICS_PORT }) => {
  if (METRICS_PORT === undefined) return;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  measureRequests(app, registry);

  const server = Fastify();
  server.get('/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
  app.addHook('onReady', async () => {
    await server.listen({ host: METRICS_HOST, port: METRICS_PORT });
  });
  app.addHook('onClose', async () => server.close());
});

/** By route and not by URL: each combination of labels is kept, and there are endless URLs. */
function measureRequests(app: FastifyInstance, registry: Registry) {
  const seconds = new Histogram({
    name: 'http_request_duration_seconds',
    help: 'From the headers of a request to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  app.addHook('onResponse', async ({ method, routeOptions: { url } }, reply) => {
    const labels = { method, route: url ?? 'none', status: reply.statusCode };
    seconds.observe(labels, reply.elapsedTime / 1_000);
  });
}
