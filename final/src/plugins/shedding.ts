import underPressure from '@fastify/under-pressure';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fp from 'fastify-plugin';
import type { Config } from '../config.ts';
import { Overloaded } from './errors.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** With `false` this route is answered however much is going on. */
    shed?: false;
  }
}

/** Of so long a time the delay of the event loop is the mean. */
const SAMPLE_MS = 500;

/**
 * Refuses requests while this process has more to do than it can: while each turn of the event loop
 * takes too long, and while too many requests are waiting for others, such as a slow database.
 */
export const sheddingPlugin = fp<Config>(
  async (app, { MAX_EVENT_LOOP_DELAY_MS, MAX_REQUESTS_UNDER_WAY }) => {
    const refuse = async ({ routeOptions }: FastifyRequest, reply: FastifyReply) => {
      if (routeOptions.config.shed === false) return;
      // Who is refused together should not come back together.
      reply.header('retry-after', 1 + Math.floor(5 * Math.random()));
      throw new Overloaded();
    };

    // What is measured while the app starts says nothing: it is busy, and nobody waits.
    let settled = Number.POSITIVE_INFINITY;
    app.addHook('onReady', async () => {
      settled = performance.now() + 2 * SAMPLE_MS;
    });
    await app.register(underPressure, {
      maxEventLoopDelay: MAX_EVENT_LOOP_DELAY_MS,
      sampleInterval: SAMPLE_MS,
      pressureHandler: async (request, reply) => {
        if (performance.now() > settled) await refuse(request, reply);
      },
    });

    let underWay = 0;
    app.addHook('onRequest', async (request, reply) => {
      if (underWay >= MAX_REQUESTS_UNDER_WAY) await refuse(request, reply);
    });
    // Counted is what we have to work on: a body that comes slowly keeps nobody but its sender busy.
    app.addHook('preValidation', async (request, reply) => {
      if (reply.raw.destroyed) return;
      underWay += 1;
      // Not `onResponse`: who hangs up gets no response.
      reply.raw.once('close', () => {
        underWay -= 1;
      });
      if (underWay > MAX_REQUESTS_UNDER_WAY) await refuse(request, reply);
    });
  },
);
