import t from 'tap';
import { PROPERTIES, prove } from './oracle/properties.ts';
import { folderOf, openWorld, REAL_WINDOW } from './oracle/world.ts';

/**
 * Whatever happened: every page of every list is what a join over the base tables gives, read to its
 * end and back, with caches as they are, warm, half empty and empty, by two processes.
 * `npm run oracle` does the same for longer, with windows and seeds that are drawn, and to any step.
 */
const folder = folderOf(process.env.ORACLE_STEP);
const SEED = 1;

for (const [about, isLong] of [
  ['a window of three', false],
  ['the window as it is', true],
] as const) {
  const window = isLong ? REAL_WINDOW : 3;
  t.test(`every page is what the tables say: ${about}`, { timeout: 300_000 }, async (t) => {
    const world = await openWorld({ folder, window });
    t.teardown(() => world.close());
    for (const property of PROPERTIES.filter((each) => each.isLong === isLong))
      await t.resolves(prove(world, property, { seed: SEED, runs: property.runs }), property.name);
  });
}
