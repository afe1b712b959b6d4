import { type Processor, Queue, Worker } from 'bullmq';
import fp from 'fastify-plugin';
import { type Config, keyPrefix } from '../config.ts';
import { openRedis } from './redis.ts';

/** A tweet has come or gone, and its author's followers have to be told. */
export interface FanOut {
  tweetId: string;
  authorId: string;
}

declare module 'fastify' {
  interface FastifyInstance {
    fanOuts: Queue<FanOut>;
    /** Has this process do what waits in the queue, four jobs at once. */
    workOn: (queue: Queue<FanOut>, work: Processor<FanOut>) => void;
  }
}

/** `app.fanOuts`: what has to be done, in a Redis that must forget nothing. */
export const queuesPlugin = fp<Config>(async (app, config) => {
  const { QUEUE_REDIS_URL } = config;
  const prefix = `${keyPrefix(config)}:queues`;
  // Somebody waits for an answer: what cannot be added at once is not added.
  const connection = await openRedis(app, QUEUE_REDIS_URL);
  const memory = await connection.info('memory').catch(() => undefined);
  if (memory?.includes('maxmemory_policy:noeviction') === false)
    app.log.warn('The Redis of the queue may evict jobs: set its maxmemory-policy to noeviction');
  const queue = new Queue<FanOut>('fan-outs', {
    prefix,
    connection,
    skipWaitingForReady: true,
    skipVersionCheck: true,
    defaultJobOptions: { removeOnComplete: true },
  });
  queue.on('error', () => 'The connection has logged it');
  app.decorate('fanOuts', queue);

  app.decorate('workOn', ({ name }, work) => {
    // Nobody waits for a worker: it asks until Redis is back.
    const connection = { url: QUEUE_REDIS_URL, maxRetriesPerRequest: null };
    const worker = new Worker(name, work, { prefix, connection, concurrency: 4 });
    worker.on('error', (err) => app.log.warn({ err }, 'The worker fails'));
    worker.on('failed', (job, err) => app.log.error({ err, job: job?.data }, 'A job has failed'));
    // It finishes what it has begun.
    app.addHook('preClose', async () => worker.close());
  });
});
