import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import Fastify, { type FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { Config } from '../config.ts';
import type { QueueCounts } from '../queues/schemas.ts';
import { QueueService } from '../queues/service.ts';

const STATES = ['waiting', 'active', 'delayed', 'failed'] as const;

/** How often a cache was asked for something, and had it or not. */
export interface Reads {
  hits: number;
  misses: number;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** What the caches have counted, by their names. */
    reads: Map<string, Reads>;
  }
}

/**
 * Figures for Prometheus, at `/metrics` on a port of their own: they are for those who run this, and
 * a worker, which has no other port, has figures, too. Without `METRICS_PORT` nothing is measured.
 */
export const metricsPlugin = fp<Config>(async (app, { METRICS_HOST, METRICS_PORT }) => {
  const reads = new Map<string, Reads>([
    ['process', app.cache.nearReads],
    ['memcached', app.cache.reads],
    ['lists', app.lists.reads],
  ]);
  app.decorate('reads', reads);
  if (METRICS_PORT === undefined) return;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  measureRequests(app, registry);
  measureQueues(app, registry);
  measureCaches(reads, registry);

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

/** What waits is asked for when somebody looks. What is done is measured by the worker that does it. */
function measureQueues(app: FastifyInstance, registry: Registry) {
  const queues = new QueueService(app.queues);
  let asked: Promise<QueueCounts[]> | undefined;
  /** Once a scrape. Without Redis these figures are missing, and all others are there. */
  const counts = async () => {
    asked ??= queues.counts().catch(() => []);
    const all = await asked;
    asked = undefined;
    return all;
  };
  const registers = [registry];
  new Gauge({
    name: 'queue_jobs',
    help: 'Jobs by state',
    labelNames: ['queue', 'state'],
    registers,
    async collect() {
      this.reset();
      for (const { name: queue, ...figures } of await counts())
        for (const state of STATES) this.set({ queue, state }, figures[state]);
    },
  });
  new Gauge({
    name: 'queue_lag_seconds',
    help: 'How long the oldest job has been waiting, without those that the clock adds',
    labelNames: ['queue'],
    registers,
    async collect() {
      this.reset();
      for (const { name: queue, lagSeconds } of await counts()) this.set({ queue }, lagSeconds);
    },
  });
  const seconds = new Histogram({
    name: 'job_seconds',
    help: 'From when a job was added to when it was done, without those that the clock adds',
    labelNames: ['queue'],
    buckets: [0.1, 0.5, 1, 5, 10, 30, 60, 300],
    registers,
  });
  app.onJobDone.push(({ queueName: queue, timestamp, repeatJobKey }) => {
    if (!repeatJobKey) seconds.observe({ queue }, (Date.now() - timestamp) / 1_000);
  });
}

function measureCaches(reads: Map<string, Reads>, registry: Registry) {
  new Counter({
    name: 'cache_reads_total',
    help: 'Objects, counts or lists that were asked for',
    labelNames: ['cache', 'result'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [cache, { hits, misses }] of reads) {
        this.inc({ cache, result: 'hit' }, hits);
        this.inc({ cache, result: 'miss' }, misses);
      }
    },
  });
}
