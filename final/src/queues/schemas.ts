import Type, { type Static } from 'typebox';

const Count = Type.Integer({ minimum: 0 });

/** How a queue is. What ends in `Total` only grows; `failed` are those that are kept. */
const QueueCountsSchema = Type.Object({
  name: Type.String(),
  waiting: Count,
  active: Count,
  delayed: Count,
  failed: Count,
  lagSeconds: Type.Number({ minimum: 0, description: 'Age of the oldest job that waits' }),
  completedTotal: Count,
  failedTotal: Count,
});
export type QueueCounts = Static<typeof QueueCountsSchema>;

export const QueueListSchema = Type.Object({ items: Type.Array(QueueCountsSchema) });
