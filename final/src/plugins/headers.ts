import helmet from '@fastify/helmet';
import fp from 'fastify-plugin';

/**
 * Headers that tell a browser what it may do with an answer. Ours are data: no page may come of
 * them, whatever is in them. What is to be a page, or part of one elsewhere, says so itself.
 */
export const headersPlugin = fp(async (app) => {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    referrerPolicy: { policy: 'no-referrer' },
  });
});
