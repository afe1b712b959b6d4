import { parseArgs } from 'node:util';
import { PROPERTIES, prove } from './properties.ts';
import { folderOf, openWorld, REAL_WINDOW } from './world.ts';

/**
 * `npm run oracle -- [STEP] …`: the oracle against the code of a step, for as long as one likes.
 * With --seed and --path, as they are printed when a history fails, that history is played again.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', default: '' },
    window: { type: 'string' },
    runs: { type: 'string' },
    seed: { type: 'string' },
    path: { type: 'string' },
    seconds: { type: 'string', default: '600' },
    turns: { type: 'string', default: '1' },
    first: { type: 'boolean', default: false },
  },
});
const folder = folderOf(positionals[0]);
const anyOf = <T>(...items: T[]) => items[Math.floor(Math.random() * items.length)] as T;
let failed = 0;

for (let turn = 0; turn < Number(values.turns); turn += 1) {
  for (const property of PROPERTIES.filter(({ name }) => name.includes(values.only))) {
    const window = property.isLong ? REAL_WINDOW : Number(values.window ?? anyOf(2, 3, 5));
    const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
    const runs = Number(values.runs ?? property.runs);
    const started = performance.now();
    const about = `${property.name}, window ${window}, seed ${seed}`;
    const world = await openWorld({ folder, window });
    try {
      const onFail = (history: unknown, error: unknown) =>
        console.log(`  ${JSON.stringify(history)}\n    ${String(error).slice(0, 400)}`);
      const limitMs = 1000 * Number(values.seconds);
      const played = await prove(world, property, {
        seed,
        runs,
        path: values.path,
        limitMs,
        onFail,
      });
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(`✓ ${about}: ${played} histories in ${seconds} s`);
    } catch (error) {
      failed += 1;
      console.log(`✗ ${about}\n${error instanceof Error ? error.message : error}`);
    }
    await world.close();
    if (failed > 0 && values.first) process.exit(1);
  }
}
process.exit(failed === 0 ? 0 : 1);
