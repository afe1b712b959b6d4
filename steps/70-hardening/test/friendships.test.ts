import t from 'tap';
import { createApp, createUser } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');

function ask(verb: 'follow' | 'unfollow', userId: string, headers = {}) {
  return app.inject({ method: 'POST', url: `/api/friendships/${userId}/${verb}`, headers });
}

async function friendships() {
  const rows = await app.db.selectFrom('friendships').selectAll().execute();
  return rows.map(({ from_user_id, to_user_id }) => `${from_user_id} follows ${to_user_id}`);
}

t.test('following is idempotent and says whether it changed anything', async (t) => {
  const first = await ask('follow', grace.id, ada.headers);
  t.equal(first.statusCode, 200);
  t.same(first.json(), { changed: true });
  t.same((await ask('follow', grace.id, ada.headers)).json(), { changed: false });
  t.same(await friendships(), [`${ada.id} follows ${grace.id}`], 'and not the other way round');
});

t.test('unfollowing is idempotent and says whether it changed anything', async (t) => {
  t.same((await ask('unfollow', grace.id, ada.headers)).json(), { changed: true });
  t.same((await ask('unfollow', grace.id, ada.headers)).json(), { changed: false });
  t.same(await friendships(), []);
});

t.test('of five equal requests at the same time, one changes something', async (t) => {
  for (const verb of ['follow', 'unfollow'] as const) {
    const requests = [1, 2, 3, 4, 5].map(() => ask(verb, ada.id, grace.headers));
    const answers = (await Promise.all(requests)).map((response) => response.json().changed);
    t.same(answers.sort(), [false, false, false, false, true], verb);
  }
});

t.test('neither works on oneself, on nobody, or when not logged in', async (t) => {
  for (const verb of ['follow', 'unfollow'] as const) {
    t.match((await ask(verb, ada.id, ada.headers)).json(), {
      statusCode: 400,
      code: 'FOLLOWING_YOURSELF',
    });
    t.match((await ask(verb, '999', ada.headers)).json(), {
      statusCode: 404,
      code: 'USER_NOT_FOUND',
    });
    t.equal((await ask(verb, 'ada', ada.headers)).statusCode, 400);
    t.equal((await ask(verb, grace.id)).statusCode, 401);
  }
  t.same(await friendships(), []);
});
