import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';

const healthy = { type: 'object', properties: { status: { type: 'string' } } };

/** `GET /healthz`: the process is alive. It asks nothing of anybody else. */
export async function healthRoutes(app: FastifyInstance) {
  const config = { limits: false, shed: false } as const;
  const alive = { summary: 'Is the process alive?', response: { 200: healthy } };
  app.get('/healthz', { schema: alive, config }, async () => ({ status: 'ok' }));

  /** `GET /readyz`: the process can do its work. A balancer sends it traffic only while it can. */
  const ready = { summary: 'Can it do its work?', response: { 200: healthy, 503: healthy } };
  app.get('/readyz', { schema: ready, config }, async (_request, reply) => {
    const answer = sql`SELECT 1`.execute(app.db).then(Boolean, () => false);
    const isReady = await Promise.race([answer, sleep(1_000, false, { ref: false })]);
    return reply.code(isReady ? 200 : 503).send({ status: isReady ? 'ok' : 'no database' });
  });
}
