import t from 'tap';
import { createApp, createUser } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');

async function post({ headers } = ada, content = 'hello'): Promise<string> {
  const response = await app.inject({
    method: 'POST',
    url: '/api/tweets',
    headers,
    body: { content },
  });
  return response.json().id;
}

async function timeline(userId: string) {
  return app.inject(`/api/tweets?userId=${userId}`);
}

function remove(id: string, headers = {}) {
  return app.inject({ method: 'DELETE', url: `/api/tweets/${id}`, headers });
}

t.test('a timeline has one user’s tweets with their author, newest first', async (t) => {
  const ids = [await post(ada, 'one'), await post(ada, 'two')];
  await post(grace);
  const { items } = (await timeline(ada.id)).json();
  t.match(items, [
    { id: ids[1], content: 'two', user: { id: ada.id, username: 'ada' } },
    { id: ids[0], content: 'one', user: { id: ada.id, username: 'ada' } },
  ]);
  t.equal(items.length, 2);
});

t.test('it ends after 20', async (t) => {
  const { id } = await createUser(app, 'busy');
  const tweets = Array.from({ length: 21 }, (_, n) => ({ user_id: id, content: `${n}` }));
  await app.db.insertInto('tweets').values(tweets).execute();
  const { items = [] } = (await timeline(id)).json();
  t.equal(items.length, 20);
  t.equal(items[0]?.content, '20', 'the newest is in, the oldest is out');
});

t.test('who has not tweeted has an empty timeline, who does not exist has none', async (t) => {
  const { id } = await createUser(app, 'quiet');
  t.same((await timeline(id)).json(), { items: [] });
  t.match((await timeline('999')).json(), { statusCode: 404, code: 'USER_NOT_FOUND' });
  t.equal((await app.inject('/api/tweets')).statusCode, 400);
  t.equal((await timeline('ada')).statusCode, 400);
});

t.test('a tweet is deleted by its author and nobody else, once', async (t) => {
  const id = await post();
  t.equal((await remove(id)).statusCode, 401);
  t.match((await remove(id, grace.headers)).json(), { statusCode: 403, code: 'NOT_YOUR_TWEET' });
  t.equal((await app.inject(`/api/tweets/${id}`)).statusCode, 200, 'it is still there');
  t.equal((await remove(id, ada.headers)).statusCode, 204);
  t.equal((await app.inject(`/api/tweets/${id}`)).statusCode, 404);
  t.equal((await remove(id, ada.headers)).statusCode, 404);
});
