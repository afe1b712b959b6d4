import t from 'tap';
import { createApp, createUser } from './helper.ts';

const app = await createApp(t);
const ada = await createUser(app, 'ada');

function logIn(username: string, password: string) {
  const body = { username, password };
  return app.inject({ method: 'POST', url: '/api/accounts/login', body });
}

function me(headers: Record<string, string>) {
  return app.inject({ url: '/api/accounts/me', headers });
}

t.test('the right password gives a token that says who one is', async (t) => {
  const response = await logIn('ADA', 'ada has a password');
  t.equal(response.statusCode, 200);
  const whoAmI = await me({ authorization: `Bearer ${response.json().accessToken}` });
  t.match(whoAmI.json(), { id: ada.id, username: 'ada', email: 'ada@example.org' });
  t.equal(whoAmI.json().nickname, null);
});

t.test('an unknown name and a wrong password get the same answer', async (t) => {
  const wrong = await logIn('ada', 'not her password');
  const unknown = await logIn('nobody', 'ada has a password');
  t.equal(wrong.statusCode, 401);
  t.match(wrong.json(), { code: 'WRONG_LOGIN' });
  t.same(unknown.json(), wrong.json());
  t.equal((await logIn('东邪', 'her password')).statusCode, 400, 'no such name can be');
});

t.test('without a valid token one is not logged in', async (t) => {
  t.equal((await me({})).statusCode, 401);
  const [head, payload] = ada.headers.authorization.split('.');
  const unsigned = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
  const longAgo = { sub: ada.id, iat: 1 };
  for (const authorization of [
    '',
    'Bearer',
    'Bearer nonsense',
    `${head}.${payload}.forged`,
    `Bearer ${unsigned}.${payload}.`,
    `Bearer ${app.jwt.sign(longAgo)}`,
  ]) {
    t.equal((await me({ authorization })).statusCode, 401, authorization.slice(0, 20));
  }
});

t.test('the token of an account that is gone is worth nothing', async (t) => {
  const { id, headers } = await createUser(app, 'gone');
  await app.db.deleteFrom('users').where('id', '=', id).execute();
  t.match((await me(headers)).json(), { statusCode: 401, code: 'ACCOUNT_GONE' });
});
