import { sql } from 'kysely';
import t from 'tap';
import { createApp, createUser } from './helper.ts';

const log: string[] = [];
const stream = { write: (line: string) => void log.push(line) };
const app = await createApp(t, { logger: { level: 'error', stream } });
const [ada, grace] = [await createUser(app, 'ada'), await createUser(app, 'grace')];

async function post(path: string, body = {}, { headers } = grace) {
  return (await app.inject({ method: 'POST', url: `/api/${path}`, headers, body })).json();
}

async function told() {
  const columns = ['user_id', 'type', 'actor_id', 'subject_type', 'subject_id'] as const;
  const rows = app.db.selectFrom('notifications').select(columns).orderBy('id').execute();
  return (await rows.catch(() => [])).map((row) => Object.values(row).join(' '));
}

const { id: tweetId } = await post('tweets', { content: 'hello' }, ada);
const tweet = { subjectType: 'tweet', subjectId: tweetId };

t.test('whom a comment, a like or a follower concerns is told', async (t) => {
  const { id } = await post('comments', { tweetId, content: '你好' });
  await post('likes', tweet);
  await post('likes', { subjectType: 'comment', subjectId: id }, ada);
  await post(`friendships/${ada.id}/follow`);
  t.same(await told(), [
    `${ada.id} comment.created ${grace.id} comment ${id}`,
    `${ada.id} like.created ${grace.id} tweet ${tweetId}`,
    `${grace.id} like.created ${ada.id} comment ${id}`,
    `${ada.id} user.followed ${grace.id} user ${ada.id}`,
  ]);
});

t.test('what is done twice is told once, and to oneself never', async (t) => {
  await post('likes/cancel', tweet);
  t.same(await post('likes', tweet), { changed: true });
  await post(`friendships/${ada.id}/unfollow`);
  t.same(await post(`friendships/${ada.id}/follow`), { changed: true });
  await post('comments', { tweetId, content: 'to myself' }, ada);
  await post('likes', tweet, ada);
  t.equal((await told()).length, 4);
});

t.test('who cannot be told does not keep others from acting', async (t) => {
  await t.resolves(sql`RENAME TABLE notifications TO hidden`.execute(app.db));
  t.match(await post('comments', { tweetId, content: 'hello?' }), { content: 'hello?' });
  t.match(log.join(''), /"event":"comment.created".*A listener failed/);
});
