import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { buildApp } from '../src/app.ts';

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`the server drains on ${signal} and leaves with code 0`, async (t) => {
    const server = spawn(process.execPath, ['src/server.ts'], {
      env: { ...process.env, PORT: '0' },
    });
    let log = '';
    for await (const chunk of server.stdout) {
      log += chunk;
      if (log.includes('Server listening at') && !server.killed) server.kill(signal);
    }
    const [code] = server.exitCode === null ? await once(server, 'exit') : [server.exitCode];
    t.match(log, `${signal} received: draining`);
    t.equal(code, 0);
  });
}

t.test('a request that is under way is answered although the server is closing', async (t) => {
  const app = await buildApp();
  app.get('/slow', async () => sleep(100, { answered: true }));
  const arrived = new Promise<void>((resolve) => app.addHook('preHandler', async () => resolve()));
  const slow = fetch(`${await app.listen({ port: 0 })}/slow`);
  await arrived;
  await app.close();
  t.same(await (await slow).json(), { answered: true });
});
