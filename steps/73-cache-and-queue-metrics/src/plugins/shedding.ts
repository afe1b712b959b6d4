import underPressure from '@fastify/under-pressure';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Config } from '../config.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** With `false` this route is answered however much is going on. */
    shed?: false;
  }
}

/** Of so long a time the delay of the event loop is the mean. */
const SAMPLE_MS = 500;

const OVERLOADED = JSON.stringify({
  statusCode: 503,
  code: 'OVERLOADED',
  error: 'Service Unavailable',
  message: 'Too much is going on: try again later',
});

/**
 * Refuses requests while this process has more to do than it can: while too many are under way, for
 * whatever they wait, and while each turn of the event loop takes too long.
 */
export const sheddingPlugin = fp<Config>(
  async (app, { MAX_EVENT_LOOP_DELAY_MS, MAX_REQUESTS_UNDER_WAY }) => {
    // What is measured while the app starts says nothing: it is busy, and nobody waits.
    let settled = Number.POSITIVE_INFINITY;
    app.addHook('onReady', async () => {
      settled = performance.now() + 2 * SAMPLE_MS;
    });
    await app.register(underPressure, {
      maxEventLoopDelay: MAX_EVENT_LOOP_DELAY_MS,
      sampleInterval: SAMPLE_MS,
      pressureHandler: () => {}, // It measures, and we ask.
    });

    const underWay = new Set<FastifyRequest>();
    const refuseIfOverloaded = (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
      const tooSlow = app.isUnderPressure() && performance.now() > settled;
      const isOverloaded = tooSlow || underWay.size >= MAX_REQUESTS_UNDER_WAY;
      if (!isOverloaded || request.routeOptions.config.shed === false) return done();
      // Has to be far cheaper than an answer: no error is thrown, and nothing is serialized.
      reply.code(503).type('application/json; charset=utf-8');
      // Who is refused together should not come back together.
      reply.header('retry-after', 1 + Math.floor(5 * Math.random())).send(OVERLOADED);
    };
    app.addHook('onRequest', refuseIfOverloaded);

    // Counted is what we have to work on: a body that comes slowly keeps nobody but its sender busy,
    // and an answer that is read slowly nobody but its reader.
    app.addHook('preValidation', (request, reply, done) => {
      refuseIfOverloaded(request, reply, () => {
        if (reply.raw.destroyed) return done();
        underWay.add(request);
        // To who hangs up nothing may ever be sent.
        reply.raw.once('close', () => underWay.delete(request));
        done();
      });
    });
    app.addHook('onSend', async (request) => void underWay.delete(request));
  },
);
