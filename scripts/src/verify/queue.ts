/**
 * Runs the tasks with at most `limit` of them at once, in order. Settles when all have ended.
 *
 * @throws the first error of a task; tasks that have not begun by then do not begin.
 */
export async function runQueue(tasks: (() => Promise<void>)[], limit: number): Promise<void> {
  const waiting = [...tasks];
  const errors: unknown[] = [];
  const worker = async () => {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
      try {
        await task();
      } catch (error) {
        errors.push(error);
        waiting.length = 0;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, limit) }, worker));
  if (errors.length > 0) throw errors[0];
}
