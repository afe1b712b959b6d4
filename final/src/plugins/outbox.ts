import fp from 'fastify-plugin';
import { Outbox } from '../outbox/outbox.ts';

declare module 'fastify' {
  interface FastifyInstance {
    outbox: Outbox;
  }
}

/** `app.outbox`: what is not yet in the queue. */
export const outboxPlugin = fp(async (app) => {
  app.decorate('outbox', new Outbox(app.db, app.fanOuts, app.log));
  app.addHook('onClose', async () => app.outbox.idle());
});
