import t from 'tap';
import { countReads, createApp, createUser, recordStatements } from './helper.ts';

const app = await createApp(t);
const star = await createUser(app, 'star');
const ada = await createUser(app, 'ada');

/** 250 fans, newest first: three began in each second, so that time alone does not order them. */
const fans = Array.from({ length: 250 }, (_, n) => `fan_${250 - n}`);
await app.db
  .insertInto('users')
  .values(fans.toReversed().map((username) => ({ username, email: username, password_hash: '' })))
  .execute();
const users = await app.db.selectFrom('users').selectAll().where('email', 'like', 'fan%').execute();
const rows = users.map(({ id, username }) => ({
  from_user_id: id,
  to_user_id: star.id,
  created_at: new Date(1_000 * Math.ceil(Number(username.slice(4)) / 3)),
}));
await app.db.insertInto('friendships').values(rows).execute();

function read(query: string, kind = 'followers', userId = star.id) {
  const url = `/api/friendships/${userId}/${kind}?${query}`;
  return app.inject({ url, headers: ada.headers });
}

async function page(query: string): Promise<string[]> {
  const { items = [] } = (await read(query)).json();
  return items.map(({ user }: { user: { username: string } }) => user.username);
}

function ask(verb: 'follow' | 'unfollow', userId = star.id) {
  const url = `/api/friendships/${userId}/${verb}`;
  return app.inject({ method: 'POST', url, headers: ada.headers });
}

t.test('the pages of a list that nobody changes make up the list', async (t) => {
  t.same(await page('page=1&pageSize=100'), fans.slice(0, 100));
  t.same(await page('page=3&pageSize=100'), fans.slice(200), 'the last is shorter');
  t.same(await page('page=4&pageSize=100'), [], 'and then there is nothing');
  t.same([await page(''), await page('page=2')].flat(), fans.slice(0, 40), 'of 20, unless told');
  t.same(await page('pageSize=1'), fans.slice(0, 1));
});

t.test('whom a user follows has pages too', async (t) => {
  for (const userId of users.slice(0, 41).map(({ id }) => id)) await ask('follow', userId);
  const { items } = (await read('page=3', 'followings', ada.id)).json();
  t.equal(items.length, 1);
  t.match(items, [{ user: { username: 'fan_1' }, hasFollowed: true }]);
});

t.test('pages are whole numbers from 1 on and have 1 to 100 rows', async (t) => {
  for (const wrong of ['0', '-1', '1.5', 'two', '', '1&page=2']) {
    t.equal((await read(`page=${wrong}`)).statusCode, 400, `page=${wrong}`);
  }
  for (const wrong of ['0', '101', 'all']) {
    t.equal((await read(`pageSize=${wrong}`)).statusCode, 400, `pageSize=${wrong}`);
  }
  t.match((await read('page=2', 'followers', '999')).json(), { code: 'USER_NOT_FOUND' });
});

t.test('there is a last page, however many follow', async (t) => {
  t.equal((await read('page=1001&pageSize=100')).statusCode, 200);
  for (const query of ['page=1002&pageSize=100', 'page=100002&pageSize=1', `page=${10 ** 20}`]) {
    t.match((await read(query)).json(), { statusCode: 400, code: 'PAGE_TOO_DEEP' }, query);
  }
});

t.test('known: a page costs what stands before it', async (t) => {
  const reads = async (query: string) => {
    const statements = await recordStatements(() => page(query));
    return countReads(app, statements.at(-1) ?? '');
  };
  const first = await reads('page=1');
  t.ok(first < 200, `${first}: for each of 20 a few rows, not all that ada follows`);
  t.equal((await reads('page=11')) - first, 200, 'in the index, and not joined');
});

t.test('known: who follows between two reads makes a row appear twice', async (t) => {
  const first = await page('page=1');
  await ask('follow');
  const second = await page('page=2');
  t.same([first.at(-1), second[0]], ['fan_231', 'fan_231']);
});

t.test('known: who leaves between two reads makes a row disappear', async (t) => {
  const first = await page('page=1');
  await ask('unfollow');
  const second = await page('page=2');
  t.same([first.at(-1), second[0]], ['fan_232', 'fan_230'], 'nobody has seen fan_231');
});
