import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import type { Test } from 'tap';

/** Stands before a server, so that a test can take the server away and bring it back. */
export async function proxyTo(t: Test, address: string) {
  const { protocol, hostname, port } = new URL(address);
  const sockets = new Set<Socket>();
  let hanging = false;
  const proxy = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    pipeline(socket, connect(Number(port), hostname), socket, () => {});
    if (hanging) socket.pause();
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
  /** From now on one can connect, and nothing comes through. What was said is lost with a cut. */
  const hang = () => {
    hanging = true;
    for (const socket of sockets) socket.pause();
  };
  const restore = () => {
    hanging = false;
    return listen(own);
  };
  const url = `${protocol}//127.0.0.1:${own}`;
  return { url, sockets, cut, restore, hang };
}
