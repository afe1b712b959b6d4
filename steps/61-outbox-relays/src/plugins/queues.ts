import { type DefaultJobOptions, type Processor, Queue, UnrecoverableError, Worker } from 'bullmq';
import fp from 'fastify-plugin';
import Type, { type Static, type TSchema } from 'typebox';
import Value from 'typebox/value';
import { type Config, keyPrefix } from '../config.ts';
import { openRedis } from './redis.ts';

const Id = Type.String({ pattern: '^[0-9]+$' });

/** A tweet has come or gone, and its author's followers have to be told. */
export const FanOut = Type.Object({ tweetId: Id, authorId: Id });
export type FanOut = Static<typeof FanOut>;

/** The same, for those followers whose ids are in this range. */
export const Batch = Type.Object({ tweetId: Id, authorId: Id, after: Id, upTo: Id });
export type Batch = Static<typeof Batch>;

/** What fails is tried ten times within nine minutes, not all at the same moment, and then kept. */
const JOB_OPTIONS: DefaultJobOptions = {
  attempts: 10,
  backoff: { type: 'exponential', delay: 1_000, jitter: 0.5 },
  // What is done can be looked at for an hour, and is not done again if it comes again meanwhile.
  removeOnComplete: { age: 3600, count: 10_000 },
  removeOnFail: { count: 10_000 },
};

declare module 'fastify' {
  interface FastifyInstance {
    fanOuts: Queue<FanOut>;
    batches: Queue<Batch>;
    /** Has this process do what waits in the queue and fits the schema, so many jobs at once. */
    workOn: <T>(queue: Queue<T>, data: TSchema, concurrency: number, work: Processor<T>) => void;
  }
}

/** `app.fanOuts` and `app.batches`: what has to be done, in a Redis that must forget nothing. */
export const queuesPlugin = fp<Config>(async (app, config) => {
  const { QUEUE_REDIS_URL, JOB_LOCK_MS } = config;
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
      defaultJobOptions: JOB_OPTIONS,
    });
    queue.on('error', () => 'The connection has logged it');
    return queue;
  }
  app.decorate('fanOuts', open<FanOut>('fan-outs'));
  app.decorate('batches', open<Batch>('batches'));

  app.decorate('workOn', ({ name }, data, concurrency, work) => {
    // Nobody waits for a worker: it asks until Redis is back.
    const connection = { url: QUEUE_REDIS_URL, maxRetriesPerRequest: null };
    const check: typeof work = async (job, ...rest) => {
      if (Value.Check(data, job.data)) return work(job, ...rest);
      throw new UnrecoverableError('What is in the job will not be right next time');
    };
    const worker = new Worker(name, check, {
      prefix,
      connection,
      concurrency,
      lockDuration: JOB_LOCK_MS,
      stalledInterval: JOB_LOCK_MS,
      maxStalledCount: 3,
    });
    worker.on('error', (err) => app.log.warn({ err }, 'The worker fails'));
    worker.on('stalled', (job) => app.log.warn({ job }, 'A job has lost its worker'));
    worker.on('failed', (job, err) => {
      if (job?.finishedOn) app.log.error({ err, job: job.data }, 'A job has failed for good');
      else app.log.warn({ err, job: job?.data }, 'A job has failed, and will be tried again');
    });
    // It finishes what it has begun.
    app.addHook('preClose', async () => worker.close());
  });
});
