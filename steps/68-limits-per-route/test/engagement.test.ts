import t from 'tap';
import { createApp, createUser, recordStatements } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');

async function post(path: string, body = {}, { headers } = ada) {
  return (await app.inject({ method: 'POST', url: `/api/${path}`, headers, body })).json();
}

async function read(path: string, headers = {}) {
  return (await app.inject({ url: `/api/${path}`, headers })).json();
}

async function tweetWith(comments: number) {
  const tweet = await post('tweets', { content: 'hello' });
  for (let n = 0; n < comments; n++) await post('comments', { tweetId: tweet.id, content: `${n}` });
  return tweet;
}

const NOTHING = { likesCount: 0, hasLiked: false };

t.test('what is new has no likes', async (t) => {
  const tweet = await tweetWith(0);
  const comment = await post('comments', { tweetId: tweet.id, content: 'hello' });
  t.match([tweet, comment], [NOTHING, NOTHING]);
});

t.test('every place that shows a tweet shows its counts, and the viewer’s own like', async (t) => {
  await post(`friendships/${ada.id}/follow`, {}, grace);
  const { id } = await tweetWith(2);
  await tweetWith(0);
  await post('likes', { subjectType: 'tweet', subjectId: id });
  const all = { id, likesCount: 1, commentsCount: 2 };
  for (const [viewer, hasLiked] of [
    [ada.headers, true],
    [grace.headers, false],
    [{}, false],
  ] as const) {
    t.match(await read(`tweets/${id}`, viewer), { ...all, hasLiked });
    const { items = [] } = await read(`tweets?userId=${ada.id}`, viewer);
    t.match(items[1], { ...all, hasLiked });
  }
  t.match((await read('newsfeeds', grace.headers)).items?.[1], { ...all, hasLiked: false });
});

t.test('and every place that shows a comment', async (t) => {
  const tweet = await tweetWith(2);
  const { items } = await read(`comments?tweetId=${tweet.id}`);
  await post('likes', { subjectType: 'comment', subjectId: items?.[1].id }, grace);
  const namesake = { user_id: grace.id, subject_type: 'tweet' as const, subject_id: items?.[0].id };
  await app.db.insertInto('likes').ignore().values(namesake).execute();
  const liked = { likesCount: 1, hasLiked: true };
  const seen = [NOTHING, liked];
  const unseen = [NOTHING, { ...liked, hasLiked: false }];
  t.match(await read(`comments?tweetId=${tweet.id}`, grace.headers), { items: seen });
  t.match(await read(`comments?tweetId=${tweet.id}`), { items: unseen });
  t.match(await read(`tweets/${tweet.id}`, grace.headers), { comments: seen });
});

t.test('a token that is no good is refused, not taken for a stranger', async (t) => {
  for (const path of ['tweets/1', 'tweets?userId=1', 'comments?tweetId=1']) {
    t.match(await read(path, { authorization: 'Bearer no' }), { statusCode: 401 }, path);
  }
});

t.test('twenty tweets and likes cost as many statements as one', async (t) => {
  const writer = await createUser(app, 'writer');
  const costs: number[] = [];
  for (const count of [1, 20]) {
    for (let n = costs.length; n < count; n++) {
      const { id: subjectId } = await post('tweets', { content: 'hello' }, writer);
      await post('likes', { subjectType: 'tweet', subjectId }, writer);
    }
    await read('newsfeeds', writer.headers);
    const statements = await recordStatements(async () => {
      const { items = [] } = await read('newsfeeds', writer.headers);
      t.equal(items.filter(({ hasLiked }: { hasLiked: boolean }) => hasLiked).length, count);
    });
    costs.push(statements.length);
  }
  t.equal(costs[0], costs[1]);
});
