// The load generator of `open-load.ts`, in a process of its own. Cheap on purpose: bare sockets and
// one request at a time on each, since at three times a server's capacity it has three times its work.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { text } from 'node:stream/consumers';
import type { OpenLoadOrder, OpenLoadReport } from './open-load.ts';

const order: OpenLoadOrder = JSON.parse(await text(process.stdin));
const { hostname, port } = new URL(order.url);
const fields = Object.entries(order.headers).map(([name, value]) => `${name}: ${value}\r\n`);
const request = `GET ${order.path} HTTP/1.1\r\nhost: ${hostname}\r\n${fields.join('')}\r\n`;

/** All sockets read into this one: what has come is looked at before the next is read. */
const buffer = Buffer.allocUnsafe(64 * 1_024);
/** A header is shorter, and what follows it is not looked at. */
const LONGEST_HEADER = 4 * 1_024;

interface Connection {
  socket: Socket;
  /** When the request on it should have been sent. */
  planned: number;
  status: number;
  /** How many bytes of the answer are still to come; 0 before its header. */
  left: number;
}

const report: OpenLoadReport = { planned: 0, ms: [], statuses: {}, busy: 0 };
const free: Connection[] = [];
/** The moments of those that found no connection free. */
const waiting: number[] = [];
let waited = 0;
/** The first and the last planned moment that counts. */
let from = Number.POSITIVE_INFINITY;
let to = Number.POSITIVE_INFINITY;

function send(connection: Connection, planned: number): void {
  connection.planned = planned;
  connection.socket.write(request, 'latin1');
}

function take(connection: Connection, bytes: number): void {
  if (connection.left === 0) {
    const start = buffer.toString('latin1', 0, Math.min(bytes, LONGEST_HEADER));
    const end = start.indexOf('\r\n\r\n');
    const length = /content-length: (\d+)/i.exec(start)?.[1];
    if (end < 0 || length === undefined) throw new Error(`Not a whole header:\n${start}`);
    connection.status = Number(start.slice(9, 12));
    connection.left = end + 4 + Number(length);
  }
  connection.left -= bytes;
  if (connection.left === 0) answered(connection);
}

function answered(connection: Connection): void {
  const { planned, status } = connection;
  if (planned >= from && planned < to) {
    report.statuses[status] = (report.statuses[status] ?? 0) + 1;
    if (status === 200) report.ms.push(Math.round(1_000 * (performance.now() - planned)) / 1_000);
  }
  if (order.perSecond === undefined) {
    if (performance.now() < to) send(connection, performance.now());
  } else if (waited < waiting.length) send(connection, waiting[waited++] ?? 0);
  else free.push(connection);
}

async function open(): Promise<Connection> {
  const connection = { planned: 0, status: 0, left: 0 } as Connection;
  const callback = (bytes: number) => {
    take(connection, bytes);
    return true;
  };
  connection.socket = connect({ host: hostname, port: Number(port), onread: { buffer, callback } });
  connection.socket.setNoDelay(true);
  await once(connection.socket, 'connect');
  return connection;
}

const connections: Connection[] = [];
while (connections.length < order.connections) {
  const some = Math.min(100, order.connections - connections.length);
  connections.push(...(await Promise.all(Array.from({ length: some }, open))));
}

const begin = performance.now();
from = begin + 1_000 * order.runIn;
to = from + 1_000 * order.seconds;
const { perSecond } = order;
if (perSecond === undefined) for (const each of connections) send(each, begin);
else {
  free.push(...connections);
  let sent = 0;
  const sendWhatIsDue = () => {
    const now = performance.now();
    for (; ; sent += 1) {
      const planned = begin + (1_000 * sent) / perSecond;
      if (planned > now || planned >= to) break;
      if (planned >= from) report.planned += 1;
      const connection = free.pop();
      if (connection) send(connection, planned);
      else waiting.push(planned);
    }
    if (now < to) setTimeout(sendWhatIsDue, 1);
  };
  sendWhatIsDue();
}

// An answer to the last request is of use for as long as one to any other.
const idle = performance.eventLoopUtilization();
setTimeout(() => {
  report.busy = performance.eventLoopUtilization(idle).utilization;
  setTimeout(() => {
    process.stdout.write(JSON.stringify(report), () => process.exit());
  }, order.patience);
}, to - performance.now());
