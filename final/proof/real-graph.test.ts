import t from 'tap';
import { createApp } from '../test/helper.ts';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../tools/accounts.ts';
import { closedPort, compareFeeds, count, runTool, urlOf } from './tools.ts';

const app = await createApp(t);
const HOST = '127.0.0.1';
const env = {
  DATABASE_URL: await urlOf(app),
  UPLOADS_DIR: t.testdir(),
  HOST,
  PORT: await closedPort(),
};

t.test('without the graph the demo says how to load it, and opens no account', async (t) => {
  const { code, output } = await runTool('demo', [], env);
  t.match([code, output], [1, /does not have the graph: load it with "npm run seed"/]);
  t.same(await app.db.selectFrom('users').selectAll().execute(), []);
});

t.test(
  'the real graph: killed within the follows it leaves none, then it loads them all',
  async (t) => {
    const args = ['--posts', '100'];
    t.equal(
      (await runTool('seed', args, env, (output) => output.includes('Follows: '))).code,
      null,
    );
    t.equal((await count(app, 'users')) + (await count(app, 'friendships')), 0);
    const { code, output } = await runTool('seed', args, env);
    t.equal(code, 0, output);
    t.equal(await count(app, 'users'), 4_039);
    t.equal(await count(app, 'profiles'), 4_039, 'everybody has a profile');
    t.equal(await count(app, 'friendships'), 176_468);
    const fans = app.db
      .selectFrom('friendships')
      .select('from_user_id')
      .where('to_user_id', '=', '108');
    t.equal((await fans.execute()).length, 1_045);
    t.match(await compareFeeds(app), { wrong: 0 });
    const users = await app.db.selectFrom('users').select('username').execute();
    t.same(
      users.filter(({ username }) => !/^[A-Za-z0-9_]{3,20}$/.test(username)),
      [],
    );
    for (const username of DEMO_ACCOUNTS) {
      const body = { username, password: DEMO_PASSWORD };
      const login = await app.inject({ method: 'POST', url: '/api/accounts/login', body });
      t.equal(login.statusCode, 200, `${username} can log in`);
    }
  },
);

t.test('the demo plays all its scenes, on a server of its own and on one that runs', async (t) => {
  const own = await runTool('demo', [], env);
  const { port } = new URL(await app.listen({ host: HOST, port: 0 }));
  const running = await runTool('demo', [], { ...env, PORT: port });
  t.match(own.output, /No server answers at .*, so one was started/);
  t.match(running.output, /Talking to the server that runs at/);
  for (const { code, output } of [own, running]) {
    t.equal(code, 0, output);
    t.match(output, '好想念超风');
    t.match(output, 'That makes 10 entries');
    t.match(output, /ada_107 posted ".*", and had the answer after \d+ ms/);
    t.match(output, 'it is in 1,046 of 1,046 feeds');
    t.match(output, 'Each of the 3 posts is in the feeds of all 1,045 followers, once');
    t.match(output, '(2 comments, 3 likes)');
    t.match(output, '0 unread before, 5 now');
    t.match(output, '4 unread when the newest is read, 0 when all are');
    t.match(output, /me\.jpg .* jpeg 1200 × 1600, .* webp 400 × 400, \d+ KB, does not say where/);
    t.match(output, /lake\.jpg .* jpeg 3000 × 2000, .* webp 2048 × 1365, \d+ KB, does not say/);
    t.match(output, 'cat.jpg: 415 UNSUPPORTED_IMAGE');
    t.match(output, '7 new posts came in the meantime');
  }
  t.match(own.output, /26 posts seen in .*: none came twice, and none of the 26 old ones/);
  t.match(running.output, /37 posts seen in .*: none came twice, and none of the 37 old ones/);
  const told = 6 + 5 + 1;
  t.equal(await count(app, 'notifications'), 2 * told, 'follows, the inbox, the like of its owner');
});

t.test('the demo takes no arguments', async (t) => {
  t.match(await runTool('demo', ['x'], {}), { code: 2, output: /takes no arguments/ });
});
