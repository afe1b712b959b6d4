import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Test } from 'tap';

/** Stands between a process and a service: it can be cut, hang, and stop at a word that is said. */
export async function wireTo(t: Test, address: string) {
  const { hostname, port } = new URL(address);
  const sockets = new Set<Socket>();
  let isHanging = false;
  let trap: { word: RegExp; left: number; sprung: () => void } | undefined;

  const carry = (from: Socket, to: Socket, isAsking: boolean) => {
    sockets.add(from);
    from.on('data', (bytes) => {
      if (isAsking && trap?.word.test(bytes.toString('latin1'))) {
        trap.left -= 1;
        if (trap.left === 0) {
          hang();
          trap.sprung();
          trap = undefined;
          return;
        }
      }
      if (!to.destroyed && !to.write(bytes)) {
        from.pause();
        to.once('drain', () => isHanging || from.resume());
      }
    });
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    if (isHanging) from.pause();
  };
  const server = createServer((socket) => {
    const other = connect(Number(port), hostname);
    carry(socket, other, true);
    carry(other, socket, false);
  });
  const listen = async (port: number) => once(server.listen(port, '127.0.0.1'), 'listening');
  await listen(0);
  const own = (server.address() as AddressInfo).port;

  /** Everything is refused from now on. */
  const cut = async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  /** One can connect and ask, and is not answered. */
  const hang = () => {
    isHanging = true;
    for (const socket of sockets) socket.pause();
  };
  /** After a cut, or from hanging; what was said meanwhile is lost. */
  const restore = async () => {
    if (server.listening) await cut();
    isHanging = false;
    await listen(own);
  };
  t.teardown(async () => server.listening && cut());
  const url = new URL(address);
  url.port = String(own);
  return {
    ...{ url: url.href, cut, hang, restore },
    /** Hangs at the nth time that the word is said, before it gets through. */
    stopAt(word: RegExp, nth = 1): Promise<void> {
      return new Promise((resolve) => {
        trap = { word, left: nth, sprung: resolve };
      });
    },
  };
}

export type Wire = Awaited<ReturnType<typeof wireTo>>;
