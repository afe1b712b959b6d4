import { sql } from 'kysely';
import t from 'tap';
import { migrate } from '../src/migrate.ts';
import { createApp, createUser } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');
const grace = await createUser(app, 'grace');

function change(body: object, headers: Record<string, string> = ada.headers) {
  return app.inject({ method: 'PATCH', url: '/api/profiles/me', headers, body });
}

async function me({ headers } = ada) {
  return (await app.inject({ url: '/api/accounts/me', headers })).json();
}

t.test('one gives oneself a nickname', async (t) => {
  const changed = await change({ nickname: ' 东邪 🦅 ' });
  t.equal(changed.statusCode, 200);
  const account = { id: ada.id, username: 'ada', nickname: '东邪 🦅', email: 'ada@example.org' };
  t.match(changed.json(), account, 'without the white space around it');
  t.match(await me(), account);
});

t.test('a nickname is taken away by null, and by nothing else', async (t) => {
  t.equal((await change({ nickname: 'Enchantress' })).statusCode, 200);
  for (const body of [{}, { nickname: '' }]) t.equal((await change(body)).statusCode, 400);
  t.equal((await me()).nickname, 'Enchantress');
  for (const _ of ['once', 'once more']) {
    t.equal((await change({ nickname: null })).statusCode, 200);
    t.equal((await me()).nickname, null);
  }
});

t.test('30 characters fit, as a person counts them, if they say something', async (t) => {
  for (const character of ['x', '好', '👍🏽', '👨‍👩‍👧', 'e\u0301']) {
    const nickname = character.repeat(30);
    t.match((await change({ nickname })).json(), { nickname });
    t.match((await change({ nickname: nickname + character })).json(), { statusCode: 400 });
  }
  for (const nickname of [' \n', '\u200b\u200d', '\ud83d']) {
    t.match((await change({ nickname })).json(), { code: 'INVALID_NICKNAME' }, escape(nickname));
  }
});

t.test('one changes only one’s own profile, and nothing but the profile', async (t) => {
  const body = { nickname: 'G', userId: ada.id, user_id: ada.id, username: 'root' };
  t.equal((await change(body, {})).statusCode, 401);
  t.equal((await change(body, grace.headers)).statusCode, 200);
  t.match(await me(grace), { id: grace.id, username: 'grace', nickname: 'G' });
  t.not((await me()).nickname, 'G');
});

t.test('who signs up gets a profile, who is refused or goes away has none', async (t) => {
  const { id, headers } = await createUser(app, 'joan');
  await createUser(app, 'joan');
  t.equal((await change({ nickname: 'J' }, headers)).statusCode, 200);
  const rows = await app.db.selectFrom('profiles').select('user_id').execute();
  t.same(rows.map(({ user_id }) => user_id).sort(), [ada.id, grace.id, id].sort());
  await app.db.deleteFrom('users').where('id', '=', id).execute();
  t.match((await change({ nickname: 'J' }, headers)).json(), { code: 'ACCOUNT_GONE' });
});

t.test('the migration gives a profile to everybody who is there already', async (t) => {
  const { db } = await createApp(t);
  while ((await migrate(db, 'down')).some((line) => !line.includes('profiles')));
  const added = sql`INSERT INTO users (username, email, password_hash) VALUES ('old', 'o', '')`;
  t.ok(await added.execute(db).catch(() => undefined), 'there is a users table without profiles');
  await migrate(db);
  const found = await db.selectFrom('profiles').select('nickname').execute();
  t.same(found, [{ nickname: null }]);
});
