import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';

const healthy = { type: 'object', properties: { status: { type: 'string' } } };

/** `GET /healthz`: the process is alive. It asks nothing of anybody else. */
export async function healthRoutes(app: FastifyInstance) {
  app.get('/healthz', { schema: { response: { 200: healthy } } }, async () => ({ status: 'ok' }));

  /** `GET /readyz`: the process can do its work. A balancer sends it traffic only while it can. */
  const schema = { response: { 200: healthy, 503: healthy } };
  app.get('/readyz', { schema }, async (_request, reply) => {
    const answer = sql`SELECT 1`.execute(app.db).then(Boolean, () => false);
    const ready = await Promise.race([answer, sleep(1_000, false, { ref: false })]);
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ok' : 'no database' });
  });
}
