import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** The ports of addresses that name none. */
const STANDARD_PORTS: Record<string, number> = {
  'redis:': 6379,
  'rediss:': 6379,
  'memcached:': 11211,
};

/** How far from its end an answer is looked at for `until`. */
const TAIL = 200;

/**
 * Sends lines to the server at `url`, which speaks a protocol of lines, and resolves to everything
 * that it answers until it closes the connection: the last line had better ask for that. Where it
 * cannot, `until` tells the end of the answer. Rejects when it takes more than `timeout` ms. A URL
 * with an s more (`rediss:`) means TLS.
 */
export function askInLines(
  url: string,
  timeout: number,
  lines: string[],
  until?: RegExp,
): Promise<string> {
  const { protocol, hostname, port } = new URL(url);
  const target = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || STANDARD_PORTS[protocol]),
  };
  return new Promise((resolve, reject) => {
    const socket = protocol.endsWith('ss:') ? connectTls(target) : connectTcp(target);
    const timer = setTimeout(
      () => socket.destroy(new Error(`${url} did not answer within ${timeout} ms.`)),
      timeout,
    );
    // An answer may have many megabytes: to look at its end must not mean to copy it.
    const reply: string[] = [];
    let tail = '';
    socket
      .setEncoding('utf8')
      .on('data', (chunk: string) => {
        reply.push(chunk);
        tail = (tail + chunk.slice(-TAIL)).slice(-TAIL);
        if (until?.test(tail)) socket.end();
      })
      .on('error', reject)
      .on('close', () => {
        clearTimeout(timer);
        resolve(reply.join(''));
      });
    socket.write(`${lines.join('\r\n')}\r\n`);
  });
}
