import t from 'tap';
import { createApp, createUser, recordStatements } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');

async function post(to: 'tweets' | 'comments', body: object, { headers } = ada) {
  return (await app.inject({ method: 'POST', url: `/api/${to}`, headers, body })).json();
}

async function newTweet(comments: number): Promise<string> {
  const tweet_id = (await post('tweets', { content: 'hello' })).id;
  for (let n = 0; n < comments; n++) {
    await post('comments', { tweetId: tweet_id, content: `${n}` }, grace);
  }
  return tweet_id;
}

t.test('a tweet comes with its comments, oldest first', async (t) => {
  const id = await newTweet(0);
  const comments = [
    await post('comments', { tweetId: id, content: '第一' }, grace),
    await post('comments', { tweetId: id, content: 'second' }),
  ];
  const tweet = (await app.inject(`/api/tweets/${id}`)).json();
  t.match(tweet, { id, content: 'hello', user: { username: 'ada' }, comments });
  t.equal(tweet.comments?.length, 2);
});

t.test('every place that shows a tweet says how many comments it has', async (t) => {
  t.equal((await post('tweets', { content: 'new' })).commentsCount, 0);
  const ids = [await newTweet(0), await newTweet(21), await newTweet(1)];
  const counts = [1, 21, 0].map((commentsCount) => ({ commentsCount }));
  const feed = await app.inject({ url: '/api/newsfeeds', headers: ada.headers });
  t.match(feed.json().items.slice(0, 3), counts);
  const timeline = await app.inject(`/api/tweets?userId=${ada.id}`);
  t.match(timeline.json().items.slice(0, 3), counts);
  const page = (await app.inject(`/api/tweets/${ids[1]}`)).json();
  t.match(page, { commentsCount: 21 });
  t.equal(page.comments?.length, 20);
});

t.test('twenty tweets or comments cost as many statements as one', async (t) => {
  const costs: number[][] = [];
  const mary = await createUser(app, 'mary');
  for (const count of [1, 20]) {
    const id = await newTweet(count);
    for (let n = costs.length; n < count; n++) await post('tweets', { content: 'hi' }, mary);
    const page = await recordStatements(async () => {
      const { comments } = (await app.inject(`/api/tweets/${id}`)).json();
      t.equal(comments?.length, count);
    });
    await app.inject(`/api/tweets?userId=${mary.id}`);
    const timeline = await recordStatements(() => app.inject(`/api/tweets?userId=${mary.id}`));
    costs.push([page.length, timeline.length]);
  }
  t.same(costs[0], costs[1]);
});
