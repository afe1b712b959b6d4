import t from 'tap';
import { createApp, createUser } from './helper.ts';

const app = await createApp(t);
await createUser(app, 'ada');

function post(path: string, body: object) {
  return app.inject({ method: 'POST', url: `/api/accounts/${path}`, body });
}

async function logIn(): Promise<string> {
  const response = await post('login', { username: 'ada', password: 'ada has a password' });
  return response.json().refreshToken;
}

t.test('a refresh token gives new tokens that work', async (t) => {
  const refreshed = await post('refresh', { refreshToken: await logIn() });
  const { accessToken, refreshToken } = refreshed.json();
  const headers = { authorization: `Bearer ${accessToken}` };
  t.equal((await app.inject({ url: '/api/accounts/me', headers })).statusCode, 200);
  t.equal((await post('refresh', { refreshToken })).statusCode, 200);
  const { iat = 0, exp } = app.jwt.decode<{ iat: number; exp: number }>(accessToken) ?? {};
  t.equal(exp, iat + 15 * 60, 'the access token lasts a quarter of an hour');
});

t.test('a refresh token that is used again ends the session of both', async (t) => {
  const stolen = await logIn();
  const { refreshToken } = (await post('refresh', { refreshToken: stolen })).json();
  const again = await post('refresh', { refreshToken: stolen });
  t.match(again.json(), { statusCode: 401, code: 'SESSION_OVER' });
  t.equal((await post('refresh', { refreshToken })).statusCode, 401, 'the newest is dead too');
});

t.test('two who bring the same token at once: at most one wins, and not for long', async (t) => {
  const [refreshToken] = await Promise.all([logIn(), logIn()]);
  const responses = await Promise.all([1, 2].map(() => post('refresh', { refreshToken })));
  t.same(responses.map(({ statusCode }) => statusCode).sort(), [200, 401]);
  const winner = responses.find(({ statusCode }) => statusCode === 200)?.json();
  t.equal((await post('refresh', { refreshToken: winner.refreshToken })).statusCode, 401);
});

t.test('logging out ends this session and no other, and may be repeated', async (t) => {
  const [phone, laptop] = [await logIn(), await logIn()];
  t.equal((await post('logout', { refreshToken: phone })).statusCode, 204);
  t.equal((await post('logout', { refreshToken: phone })).statusCode, 204);
  t.equal((await post('refresh', { refreshToken: phone })).statusCode, 401);
  t.equal((await post('refresh', { refreshToken: laptop })).statusCode, 200);
});

t.test('an expired refresh token is refused', async (t) => {
  const refreshToken = await logIn();
  t.equal((await post('refresh', { refreshToken: '1.东邪.x' })).statusCode, 400);
  await app.db.updateTable('sessions').set({ expires_at: new Date() }).execute();
  t.equal((await post('refresh', { refreshToken })).statusCode, 401);
});
