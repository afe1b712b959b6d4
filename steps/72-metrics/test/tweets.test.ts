import { sql } from 'kysely';
import t from 'tap';
import { createApp, createUser } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');

function post(content: unknown, headers: Record<string, string> = ada.headers) {
  return app.inject({ method: 'POST', url: '/api/tweets', headers, body: { content } });
}

t.test('a tweet is stored and shown to everybody', async (t) => {
  const posted = await post('不知道华筝怎么样了 🦅');
  t.equal(posted.statusCode, 201);
  const tweet = posted.json();
  t.match(tweet, { content: '不知道华筝怎么样了 🦅', user: { id: ada.id, username: 'ada' } });
  t.equal(new Date(tweet.createdAt).toISOString(), tweet.createdAt);
  t.ok(Math.abs(Date.now() - Date.parse(tweet.createdAt)) < 60_000, 'in UTC');
  t.match((await app.inject(`/api/tweets/${tweet.id}`)).json(), tweet);
});

t.test('only who is logged in can post', async (t) => {
  t.equal((await post('hello', {})).statusCode, 401);
});

t.test('280 characters fit, as a person counts them', async (t) => {
  for (const character of ['x', '好', '👍🏽', '👨‍👩‍👧', 'e\u0301']) {
    t.equal((await post(character.repeat(280))).statusCode, 201, `280 × ${character}`);
    t.match((await post(character.repeat(281))).json(), { statusCode: 400 }, `281 × ${character}`);
  }
});

t.test('a tweet that says nothing, or is no text, is a 400', async (t) => {
  for (const content of ['', ' \n\t', '\u200b\u200d', '\u3000', '\ud83d', undefined]) {
    t.equal((await post(content)).statusCode, 400, JSON.stringify(content));
  }
});

t.test('an unknown tweet is a 404, an id that is none a 400', async (t) => {
  t.match((await app.inject('/api/tweets/999')).json(), { code: 'TWEET_NOT_FOUND' });
  for (const id of ['0', '-1', '1e3', 'abc', '9'.repeat(20)]) {
    t.equal((await app.inject(`/api/tweets/${id}`)).statusCode, 400, id);
  }
});

t.test('ids beyond 2^53 stay exact', async (t) => {
  const alter = sql`ALTER TABLE tweets AUTO_INCREMENT = 9007199254740993`.execute(app.db);
  await t.resolves(alter);
  const { id } = (await post('one more than a double can count')).json();
  t.equal(id, '9007199254740993');
});
