import type { Queue } from 'bullmq';
import type { QueueCounts } from './schemas.ts';

/** The oldest is looked for among so many that are next: one look costs the same at any length. */
const NEXT = 50;

/** How the queues are. */
export class QueueService {
  readonly #queues: Queue[];

  constructor(queues: Queue[]) {
    this.#queues = queues;
  }

  /** What is to do and what was done in each queue, whichever process did it. @throws without Redis */
  async counts(): Promise<QueueCounts[]> {
    return Promise.all(this.#queues.map(countsOf));
  }
}

async function countsOf(queue: Queue): Promise<QueueCounts> {
  const { waiting = 0, prioritized = 0, ...counts } = await queue.getJobCounts();
  const { active = 0, delayed = 0, failed = 0 } = counts;
  const [completed, failures] = await Promise.all([
    queue.getMetrics('completed', 0, 0),
    queue.getMetrics('failed', 0, 0),
  ]);
  return {
    name: queue.name,
    waiting: waiting + prioritized,
    active,
    delayed,
    failed,
    lagSeconds: await lagOf(queue),
    completedTotal: completed.meta.count,
    failedTotal: failures.meta.count,
  };
}

/**
 * For how long the oldest job that waits has been there. One that the clock has added was there long
 * before its time.
 */
async function lagOf(queue: Queue): Promise<number> {
  const jobs = await queue.getJobs(['waiting', 'prioritized'], 0, NEXT - 1, true);
  const added = jobs.flatMap((job) => (job && !job.repeatJobKey ? [job.timestamp] : []));
  return added.length === 0 ? 0 : (Date.now() - Math.min(...added)) / 1000;
}
