import t from 'tap';
import { createApp, createUser, recordStatements, type TestUser } from './helper.ts';

const app = await createApp(t);
const star = await createUser(app, 'star');
const people: TestUser[] = [];
for (let n = 0; n < 20; n += 1) people.push(await createUser(app, `p_${n}`));
const [ada, grace, ...others] = people as [TestUser, TestUser, ...TestUser[]];

function follow(by: TestUser, { id }: { id: string }, what = 'follow') {
  const url = `/api/friendships/${id}/${what}`;
  return app.inject({ method: 'POST', url, headers: by.headers });
}

/** Whom of the star's followers the viewer follows, and how often friendships were asked for it. */
async function look(viewer?: TestUser) {
  let followed: string[] = [];
  const statements = await recordStatements(async () => {
    const request = { url: `/api/friendships/${star.id}/followers`, ...viewer };
    const { items } = (await app.inject(request)).json();
    const shown = items.filter((item: { hasFollowed: boolean }) => item.hasFollowed);
    followed = shown.map(({ user }: { user: { id: string } }) => user.id);
  });
  const asked = statements.join().match(/from `friendships`|join `?friendships/g)?.length ?? 0;
  return { followed, asked };
}

for (const person of others) await follow(person, star);
const [someone] = others as [TestUser];

t.test('whom the viewer follows is known without asking for it', async (t) => {
  await follow(ada, someone);
  await look(grace);
  const { asked } = await look();
  t.equal(asked, 1, 'the followers themselves');
  t.same(await look(grace), { followed: [], asked }, 'nobody is kept, too');
});

t.test('following and unfollowing show at once', async (t) => {
  // Kept when they change: where one has changed lately, nothing is, and nothing could be stale.
  const [joiner, leaver] = [await createUser(app, 'joiner'), await createUser(app, 'leaver')];
  const friendship = { from_user_id: leaver.id, to_user_id: someone.id };
  await app.db.insertInto('friendships').values(friendship).execute();
  t.same((await look(joiner)).followed, []);
  t.same((await look(leaver)).followed, [someone.id]);
  t.equal((await follow(joiner, someone)).statusCode, 200);
  t.equal((await follow(leaver, someone, 'unfollow')).statusCode, 200);
  t.same((await look(joiner)).followed, [someone.id]);
  t.same((await look(leaver)).followed, []);
});

t.test('whoever follows very many is asked about for each page', async (t) => {
  const fan = await createUser(app, 'fan');
  const rows = Array.from({ length: 5_000 }, (_, n) => ({
    from_user_id: fan.id,
    to_user_id: `${1_000 + n}`,
  }));
  rows.push({ from_user_id: fan.id, to_user_id: someone.id });
  await app.db.insertInto('friendships').values(rows).execute();
  const { asked } = await look();
  t.same(await look(fan), { followed: [someone.id], asked: asked + 2 }, 'are they too many?');
  t.same(await look(fan), { followed: [someone.id], asked: asked + 1 }, 'they are');
});
