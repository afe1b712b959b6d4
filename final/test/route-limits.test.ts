import type { InjectOptions } from 'fastify';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser } from './helper.ts';
import { proxyTo } from './proxy.ts';

const redis = await proxyTo(t, loadConfig(process.env).REDIS_URL);
const app = await createApp(t, { RATE_LIMIT_FACTOR: 1, REDIS_URL: redis.url });
const [ada, grace] = [await createUser(app, 'ada'), await createUser(app, 'grace')];

const post = { method: 'POST', url: '/api/tweets', body: { content: 'x' } } as const;

/** What is said to a request that is made so often at once. */
async function answers(times: number, request: InjectOptions, headers = {}): Promise<number[]> {
  const all = Array.from({ length: times }, () => app.inject({ ...request, headers }));
  return (await Promise.all(all)).map(({ statusCode }) => statusCode).sort();
}

/** Ends the windows of a second that have begun. */
async function endSecond() {
  const keys = await app.redis.keys('*:limits:* 1s *');
  for (const key of keys) if (key.includes('POST /api/tweets')) await app.redis.pexpire(key, 0);
}

t.test('one tweet a second, and five a minute', async (t) => {
  t.same(await answers(2, post, ada.headers), [201, 429]);
  for (let more = 0; more < 4; more++) {
    await endSecond();
    t.same(await answers(1, post, ada.headers), [201], 'the refused one is none of the five');
  }
  await endSecond();
  const sixth = await app.inject({ ...post, headers: ada.headers });
  t.match(sixth.json(), { statusCode: 429, code: 'TOO_MANY_REQUESTS' });
  t.ok(Number(sixth.headers['retry-after']) > 1, 'to wait for the next second is not enough');
  t.same(await answers(1, post, grace.headers), [201]);
  t.same(await answers(1, { url: '/api/accounts/me' }, ada.headers), [200], 'the rest goes on');
});

t.test('each route has a limit of its own, and each user', async (t) => {
  const like = { subjectType: 'tweet', subjectId: '1' };
  const limits: [number, InjectOptions][] = [
    [5, { url: '/api/newsfeeds' }],
    [10, { method: 'POST', url: '/api/likes', body: like }],
    [10, { method: 'POST', url: '/api/likes/cancel', body: like }],
    [10, { method: 'POST', url: `/api/friendships/${ada.id}/follow` }],
    [10, { method: 'POST', url: `/api/friendships/${ada.id}/unfollow` }],
    [3, { method: 'POST', url: '/api/comments', body: { tweetId: '1', content: 'x' } }],
    [1, { method: 'PUT', url: '/api/profiles/me/avatar' }],
  ];
  for (const [max, request] of limits) {
    const others = (await answers(max, request, grace.headers)).filter((code) => code !== 429);
    t.equal(others.length, max, `${request.url}: ${max} are answered`);
  }
  for (const [max, request] of limits) {
    const said = await answers(max + 1, request, ada.headers);
    t.same(
      said.filter((code) => code === 429),
      [429],
      `${request.url}: no more than ${max}`,
    );
  }
});

t.test('who has no account yet, or is not logged in, has an address', async (t) => {
  for (const route of ['signup', 'login']) {
    const url = `/api/accounts/${route}`;
    const request: InjectOptions = { method: 'POST', url, body: {}, remoteAddress: '192.0.2.1' };
    t.same(await answers(4, request, ada.headers), [400, 400, 400, 429], route);
    t.same(await answers(1, { ...request, remoteAddress: '192.0.2.2' }), [400]);
  }
});

t.test('without Redis a process counts those that come at once one by one, too', async (t) => {
  await redis.cut();
  const feed = { url: '/api/newsfeeds' };
  t.same(await answers(6, feed, grace.headers), [200, 200, 200, 200, 200, 429]);
});
