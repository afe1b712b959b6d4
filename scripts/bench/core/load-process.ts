// The load generator, in a process of its own so that it does not share a thread with what it
// measures or with the tool. Reads a LoadOrder as JSON from stdin, prints a LoadReport as JSON.
import { text } from 'node:stream/consumers';
import autocannon from 'autocannon';
import type { LoadOrder, LoadReport } from './load.ts';

const order: LoadOrder = JSON.parse(await text(process.stdin));
const report: LoadReport = { ms: [], seconds: 0, statuses: {}, errors: 0 };
let begun = 0;
let connections = 0;

const running = autocannon(
  {
    url: order.url,
    connections: order.connections,
    duration: order.seconds,
    ...(order.amount === undefined ? {} : { amount: order.amount }),
    requests: order.each?.[0] ?? order.requests,
    setupClient: (client) => {
      const requests = order.each?.[connections];
      if (requests !== undefined) client.setRequests(requests);
      connections += 1;
    },
    timeout: 30,
  },
  (error, result) => {
    if (error) throw error;
    report.errors = result.errors + result.timeouts;
    process.stdout.write(JSON.stringify(report));
  },
);
running.on('start', () => {
  begun = performance.now();
});
running.on('response', (_client, status, _bytes, ms) => {
  // autocannon's own histogram counts whole milliseconds, too coarse for a page that takes two.
  report.ms.push(Math.round(ms * 1000) / 1000);
  report.statuses[status] = (report.statuses[status] ?? 0) + 1;
  report.seconds = (performance.now() - begun) / 1000;
});
// An amount has no end in time of its own.
if (order.amount !== undefined) setTimeout(() => running.stop(), order.seconds * 1000).unref();
