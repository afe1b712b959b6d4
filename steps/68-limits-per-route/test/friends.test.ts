import t from 'tap';
import { createApp, createUser, recordStatements } from './helper.ts';

const app = await createApp(t);
const [ada, grace, joan, mary] = [
  await createUser(app, 'ada'),
  await createUser(app, 'grace'),
  await createUser(app, 'joan'),
  await createUser(app, 'mary'),
];
for (const [from, to] of [
  [ada, grace],
  [joan, grace],
  [mary, grace],
  [ada, joan],
  [joan, ada],
] as const) {
  const url = `/api/friendships/${to.id}/follow`;
  await app.inject({ method: 'POST', url, headers: from.headers });
}

async function list(kind: 'followers' | 'followings', userId: string, headers = {}) {
  const response = await app.inject({ url: `/api/friendships/${userId}/${kind}`, headers });
  return response.json();
}

function names({ items = [] }: { items?: { user: { username: string }; hasFollowed: boolean }[] }) {
  return items.map(({ user, hasFollowed }) => `${user.username}${hasFollowed ? ' ✓' : ''}`);
}

t.test('both lists are newest first', async (t) => {
  const followers = await list('followers', grace.id);
  t.same(names(followers), ['mary', 'joan', 'ada']);
  t.match(followers.items?.[0], { user: { id: mary.id }, createdAt: /Z$/ });
  t.same(names(await list('followings', ada.id)), ['joan', 'grace']);
  t.same(await list('followings', grace.id), { items: [] });
});

t.test('hasFollowed is said for whoever is looking', async (t) => {
  t.same(names(await list('followers', grace.id, ada.headers)), ['mary', 'joan ✓', 'ada']);
  t.same(names(await list('followers', grace.id, joan.headers)), ['mary', 'joan', 'ada ✓']);
});

t.test('a token that is no good is refused, not taken for a stranger', async (t) => {
  const headers = { authorization: 'Bearer nonsense' };
  t.match(await list('followers', grace.id, headers), { statusCode: 401 });
});

t.test('the lists of nobody are a 404', async (t) => {
  t.match(await list('followers', '999'), { code: 'USER_NOT_FOUND' });
  t.match(await list('followings', '999'), { code: 'USER_NOT_FOUND' });
});

t.test('a list of twenty costs as many statements as a list of one', async (t) => {
  const users = Array.from({ length: 25 }, (_, n) => ({
    username: `fan_${n}`,
    email: `fan_${n}@example.org`,
    password_hash: '',
  }));
  await app.db.insertInto('users').values(users).execute();
  const fans = await app.db
    .selectFrom('users')
    .select('id')
    .where('email', 'like', 'fan%')
    .execute();
  const rows = fans.map(({ id }) => ({ from_user_id: id, to_user_id: mary.id }));
  await app.db.insertInto('friendships').values(rows).execute();

  const one = await recordStatements(() => list('followings', mary.id, ada.headers));
  const twenty = await recordStatements(async () => {
    t.equal((await list('followers', mary.id, ada.headers)).items?.length, 20);
  });
  t.equal(twenty.length, one.length);
});
