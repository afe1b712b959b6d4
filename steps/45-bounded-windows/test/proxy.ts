import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Test } from 'tap';

/** Stands before a server, so that a test can take the server away and bring it back. */
export async function proxyTo(t: Test, address: string) {
  const { protocol, hostname, port } = new URL(address);
  const sockets = new Set<Socket>();
  const proxy = createServer((socket) => {
    sockets.add(socket);
    pipeline(socket, connect(Number(port), hostname), socket, () => sockets.delete(socket));
  });
  const listen = (port: number) => once(proxy.listen(port, '127.0.0.1'), 'listening');
  await listen(0);
  const own = (proxy.address() as AddressInfo).port;
  const cut = async () => {
    const closed = once(proxy.close(), 'close');
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  t.teardown(async () => proxy.listening && cut());
  /** From now on nothing comes through, although the connections stay. */
  const hang = () => {
    for (const socket of sockets) socket.pause();
  };
  const goOn = () => {
    for (const socket of sockets) socket.resume();
  };
  const url = `${protocol}//127.0.0.1:${own}`;
  return { url, cut, restore: () => listen(own), hang, goOn };
}
