import { DelayedError, type Processor, UnrecoverableError } from 'bullmq';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import Type, { type Static } from 'typebox';

/** When each job begins: minute, hour, day, month, day of the week, in UTC. */
const SCHEDULE = {
  'expired uploads': '*/10 * * * *',
  'orphaned likes': '17 3 * * *',
  'tweet counts': '27 3 * * *',
  'comment counts': '37 3 * * *',
  feeds: '47 3 * * *',
};
type Name = keyof typeof SCHEDULE;

/** How far a job has come: how much it has looked at and mended, and where it goes on. */
export const Progress = Type.Partial(
  Type.Object({ looked: Type.Integer(), mended: Type.Integer(), last: Type.String() }),
);
export type Progress = Static<typeof Progress>;

/** What came of one chunk of a job, which is done in a moment. At the end there is no `last`. */
export interface Chunk {
  looked: number;
  mended: number;
  last: string | undefined;
}

/**
 * Each worker does this when it starts, and when Redis is back, which may have lost it. However often
 * it is done, each job is scheduled once.
 */
export async function scheduleMaintenance({ maintenance, log }: FastifyInstance): Promise<void> {
  const schedule = async () => {
    for (const [name, pattern] of Object.entries(SCHEDULE)) {
      const opts = { removeOnComplete: 100 };
      await maintenance.upsertJobScheduler(name, { pattern, tz: 'UTC' }, { name, opts });
    }
  };
  const attempt = () => schedule().catch((err) => log.error({ err }, 'Nothing is scheduled'));
  (await maintenance.backend.client).on('ready', attempt);
  await attempt();
}

/**
 * Does one chunk of a job, which then goes back into the queue for as long as that took: it has half
 * of the time at most, nobody who stops a worker waits for the whole, and a crash costs a chunk.
 */
export function inChunks(
  works: Record<Name, (after: string) => Promise<Chunk>>,
  log: FastifyBaseLogger,
): Processor<Progress> {
  return async (job, token) => {
    const began = Date.now();
    const work = works[job.name as Name];
    if (!work) throw new UnrecoverableError(`Nobody knows how to do ${job.name}`);
    const { last, ...done } = await work(job.data.last ?? '0');
    const looked = (job.data.looked ?? 0) + done.looked;
    const mended = (job.data.mended ?? 0) + done.mended;
    if (last === undefined) {
      log.info({ job: job.name, looked, mended }, 'Maintenance is done');
      return { looked, mended };
    }
    await job.updateData({ looked, mended, last });
    await job.moveToDelayed(2 * Date.now() - began, token);
    throw new DelayedError();
  };
}
