// Put before a process by NODE_OPTIONS, it writes down what the process occupies, all the while.
import { openSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';

const folder = process.env.BENCH_MEMORY_DIR;
const script = basename(process.argv[1] ?? '', '.ts');
if (folder !== undefined && script !== '') {
  // Open once: the folder goes before the process does.
  const file = openSync(join(folder, `${script}.txt`), 'a');
  const report = () => {
    const { rss, heapUsed } = process.memoryUsage();
    writeSync(file, `${Date.now()} ${rss} ${heapUsed}\n`);
  };
  setInterval(report, 25).unref();
}
