import { type Processor, Queue, Worker } from 'bullmq';
import fp from 'fastify-plugin';
import { type Config, keyPrefix } from '../config.ts';
import { openRedis } from './redis.ts';

/** A tweet has come or gone, and its author's followers have to be told. */
export interface FanOut {
  tweetId: string;
  authorId: string;
}

/** The same, for those followers whose ids are in this range. */
export interface Batch extends FanOut {
  after: string;
  upTo: string;
}

declare module 'fastify' {
  interface FastifyInstance {
    fanOuts: Queue<FanOut>;
    batches: Queue<Batch>;
    /** Has this process do what waits in the queue, so many jobs at once. */
    workOn: <T>(queue: Queue<T>, concurrency: number, work: Processor<T>) => void;
  }
}

/** `app.fanOuts` and `app.batches`: what has to be done, in a Redis that must forget nothing. */
export const queuesPlugin = fp<Config>(async (app, config) => {
  const { QUEUE_REDIS_URL } = config;
  const prefix = `${keyPrefix(config)}:queues`;
  // Somebody waits for an answer: what cannot be added at once is not added.
  const connection = await openRedis(app, QUEUE_REDIS_URL);
  const memory = await connection.info('memory').catch(() => undefined);
  if (memory?.includes('maxmemory_policy:noeviction') === false)
    app.log.warn('The Redis of the queue may evict jobs: set its maxmemory-policy to noeviction');
  function open<T>(name: string): Queue<T> {
    const queue = new Queue<T>(name, {
      prefix,
      connection,
      skipWaitingForReady: true,
      skipVersionCheck: true,
      // What is done can be looked at for an hour.
      defaultJobOptions: { removeOnComplete: { age: 3600, count: 10_000 } },
    });
    queue.on('error', () => 'The connection has logged it');
    return queue;
  }
  app.decorate('fanOuts', open<FanOut>('fan-outs'));
  app.decorate('batches', open<Batch>('batches'));

  app.decorate('workOn', ({ name }, concurrency, work) => {
    // Nobody waits for a worker: it asks until Redis is back.
    const connection = { url: QUEUE_REDIS_URL, maxRetriesPerRequest: null };
    const worker = new Worker(name, work, { prefix, connection, concurrency });
    worker.on('error', (err) => app.log.warn({ err }, 'The worker fails'));
    worker.on('failed', (job, err) => app.log.error({ err, job: job?.data }, 'A job has failed'));
    // It finishes what it has begun.
    app.addHook('preClose', async () => worker.close());
  });
});
