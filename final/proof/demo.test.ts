import t from 'tap';
import { createApp } from '../test/helper.ts';
import { closedPort, runTool, urlOf } from './tools.ts';

const app = await createApp(t);
const DATABASE_URL = await urlOf(app);
const HOST = '127.0.0.1';

t.test('without the graph it says how to load it, and opens no account', async (t) => {
  const { code, output } = await runTool('demo', [], {
    DATABASE_URL,
    HOST,
    PORT: await closedPort(),
  });
  t.match([code, output], [1, /does not have the graph: load it with "npm run seed"/]);
  t.same(await app.db.selectFrom('users').selectAll().execute(), []);
});

t.test('it plays the example and reaches 1,045 followers, twice', async (t) => {
  const seeded = await runTool('seed', ['--posts', '50'], { DATABASE_URL });
  t.equal(seeded.code, 0, seeded.output);
  const own = await runTool('demo', [], { DATABASE_URL, HOST, PORT: await closedPort() });
  const { port } = new URL(await app.listen({ host: HOST, port: 0 }));
  const running = await runTool('demo', [], { DATABASE_URL, HOST, PORT: port });
  t.match(own.output, /No server answers at .*, so one was started/);
  t.match(running.output, /Talking to the server that runs at/);
  for (const { code, output } of [own, running]) {
    t.equal(code, 0, output);
    t.match(output, '好想念超风');
    t.match(output, 'That makes 10 entries');
    t.match(output, /ada_107 posted ".*", and had the answer after \d+ ms/);
    t.match(output, /\d+ ms after .* the last of the followers had read it/);
  }
});

t.test('arguments are refused', async (t) => {
  t.match(await runTool('demo', ['x'], {}), { code: 2, output: /takes no arguments/ });
});
