import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Whatever a process says to its services passes here, and can be stopped between two words. */
export class Gate {
  #left = Number.POSITIVE_INFINITY;
  #shut: Promise<void> | undefined;
  #open = () => {};
  #isShut = () => {};

  /** From the nth word on nothing passes, there or back, until it is opened. Tells when it is shut. */
  shutAt(nth: number): Promise<void> {
    this.#left = nth;
    return new Promise((resolve) => {
      this.#isShut = resolve;
    });
  }

  open(): void {
    this.#left = Number.POSITIVE_INFINITY;
    this.#open();
    this.#shut = undefined;
  }

  async pass(isAsking: boolean): Promise<void> {
    if (isAsking) this.#left -= 1;
    if (this.#left <= 0 && !this.#shut)
      this.#shut = new Promise((resolve) => {
        this.#open = resolve;
        this.#isShut();
      });
    await this.#shut;
  }
}

/** Another address of a service, for which one has to pass the gate. */
export async function linkTo(address: string, gate: Gate) {
  const { hostname, port } = new URL(address);
  const sockets = new Set<Socket>();
  const carry = (from: Socket, to: Socket, isAsking: boolean) => {
    let before = Promise.resolve();
    from.on('data', (bytes) => {
      before = before.then(async () => {
        await gate.pass(isAsking);
        if (!to.destroyed) to.write(bytes);
      });
    });
    from.on('error', () => {});
    from.on('close', () => before.then(() => to.destroy()));
    sockets.add(from.setNoDelay());
  };
  const server = createServer((socket) => {
    const other = connect(Number(port), hostname);
    carry(socket, other, true);
    carry(other, socket, false);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(address);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
