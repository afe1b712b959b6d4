import { askInLines } from '../../src/services/ask.ts';

/** Takes a key out of Memcached, as if its time were over. @throws when it was not there. */
export async function forget(url: string, key: string): Promise<void> {
  const answer = await askInLines(url, 5_000, [`delete ${key}`, 'quit']);
  if (!answer.startsWith('DELETED')) throw new Error(`Memcached has no ${key}: ${answer.trim()}`);
}
