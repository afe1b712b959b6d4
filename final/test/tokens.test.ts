import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createApp } from './helper.ts';

const app = await createApp(t);
let verified = 0;
/** Counts how often a token is really verified, before the app asks for it. */
const count = async (request: { jwtVerify: (...options: never[]) => Promise<unknown> }) => {
  const { jwtVerify } = request;
  request.jwtVerify = (...options) => {
    // It calls itself, with a callback.
    if (options.length === 0) verified += 1;
    return jwtVerify.apply(request, options);
  };
};
app.get('/who', { onRequest: [count, app.authenticate] }, async ({ user }) => user.id);

async function who(token: string) {
  const headers = { authorization: `Bearer ${token}` };
  const { statusCode, body } = await app.inject({ url: '/who', headers });
  return statusCode === 200 ? body : statusCode;
}

t.test('a token is verified once, and then known', async (t) => {
  const [ada, grace] = [app.jwt.sign({ sub: '1' }), app.jwt.sign({ sub: '2' })];
  for (const _ of ['once', 'twice', 'three times'])
    t.same([await who(ada), await who(grace)], ['1', '2']);
  t.equal(verified, 2);
});

t.test('a known token is refused when its time is over', async (t) => {
  const token = app.jwt.sign({ sub: '1' }, { expiresIn: '1s' });
  t.equal(await who(token), '1');
  let seen: string | number = '1';
  for (let n = 0; n < 200 && seen === '1'; n += 1) seen = await sleep(20).then(() => who(token));
  t.equal(seen, 401);
});

t.test('a token like a known one is not known', async (t) => {
  const token = app.jwt.sign({ sub: '1' });
  t.equal(await who(token), '1');
  const [head, payload, seal = ''] = token.split('.');
  t.equal(await who([head, payload, seal.toLowerCase()].join('.')), 401);
  const forged = Buffer.from(JSON.stringify({ sub: '2', exp: 9e9 })).toString('base64url');
  for (const _ of ['once', 'twice']) t.equal(await who([head, forged, seal].join('.')), 401);
});
