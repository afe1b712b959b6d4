import fc from 'fast-check';
import { concurrent, type History, held, long, Player, races, sequential } from './history.ts';
import type { World } from './world.ts';

export interface Property {
  name: string;
  histories: fc.Arbitrary<History>;
  /** It needs the window as it is. */
  isLong: boolean;
  /** How many histories are played in `npm test`. */
  runs: number;
}

export const PROPERTIES: Property[] = [
  { name: 'one thing after the other', histories: sequential, isLong: false, runs: 8 },
  { name: 'many things at once', histories: concurrent, isLong: false, runs: 4 },
  { name: 'one is held while others go on', histories: held, isLong: false, runs: 1 },
  { name: 'races that are known', histories: races, isLong: false, runs: 4 },
  { name: 'people with 800 tweets and more', histories: long, isLong: true, runs: 1 },
];

export interface Run {
  seed: number;
  runs: number;
  /** Where fast-check has found that a history fails: it plays only that one. */
  path?: string | undefined;
  /** No longer than this, with what was found until then. */
  limitMs?: number;
  /** Hears of every history that fails, while fast-check looks for a shorter one. */
  onFail?: (history: History, error: unknown) => void;
}

/**
 * Returns how many histories were played.
 *
 * @throws what fast-check says, with the shortest history that fails, if one does.
 */
export async function prove(
  world: World,
  { histories }: Property,
  { seed, runs, path, limitMs, onFail }: Run,
): Promise<number> {
  const player = new Player(world);
  let isOver = false;
  const play = async (history: History) => {
    await player.play(history).catch((error) => {
      if (!isOver) onFail?.(history, error);
      throw error;
    });
  };
  const details = await fc.check(fc.asyncProperty(histories, play), {
    seed,
    numRuns: runs,
    ...(path && { path }),
    ...(limitMs && { interruptAfterTimeLimit: limitMs }),
  });
  isOver = true;
  // Whoever has no time for a single one has found nothing.
  if (details.failed && details.counterexample !== null)
    throw new Error(`${fc.defaultReportMessage(details)}`);
  return details.numRuns;
}
