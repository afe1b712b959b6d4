import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import t from 'tap';
import { loadConfig } from '../src/config.ts';
import { createApp, createUser } from './helper.ts';

const ADMIN_PASSWORD = 'correct horse battery staple';
const app = await createApp(t, { ADMIN_PASSWORD });
const board = '/admin/queues';

const basic = (password: string) => ({
  authorization: `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`,
});
const headers = basic(ADMIN_PASSWORD);

async function jobs(status: string) {
  const query = { activeQueue: 'maintenance', status, page: '1', jobsPerPage: '10' };
  const answer = await app.inject({ url: `${board}/api/queues`, query, headers });
  const queues: { name: string; jobs: object[] }[] = answer.json().queues ?? [];
  return queues.find(({ name }) => name === 'maintenance')?.jobs;
}

/** A job that has failed, since the database was not as it is now. */
async function failedJob() {
  await sql`RENAME TABLE likes TO hidden`.execute(app.db);
  const job = await app.maintenance.add('orphaned likes', {}, { attempts: 1 });
  while (!(await job.isFailed())) await sleep(1);
  await sql`RENAME TABLE hidden TO likes`.execute(app.db);
  return job;
}

t.test('the board shows itself to whoever knows the password, and nothing to others', async (t) => {
  const page = await app.inject({ url: board, headers });
  t.match(page, { statusCode: 200, headers: { 'content-type': /text\/html/ } });
  t.match(page.headers['content-security-policy'], "frame-ancestors 'none'");
  const [script] = /static\/js\/[^"]+/.exec(page.body) ?? ['no script'];
  t.equal((await app.inject({ url: `${board}/${script}`, headers })).statusCode, 200);
  const ada = await createUser(app, 'ada');
  const wrong = [{}, ada.headers, basic('wrong'), basic(''), basic(`${ADMIN_PASSWORD} `)];
  for (const path of ['', `/${script}`, '/api/queues'])
    for (const headers of wrong) {
      const refused = await app.inject({ url: `${board}${path}`, headers });
      t.match(refused, { statusCode: 401, headers: { 'www-authenticate': /^Basic / } });
      t.match(refused.json(), { statusCode: 401, error: 'Unauthorized' });
    }
});

t.test('without a password of its own there is no board', async (t) => {
  const { ADMIN_PASSWORD: development, ...others } = loadConfig({});
  t.ok(development, 'it has a default in development');
  const set = Object.entries(others).map(([name, value]) => [name, String(value)]);
  const production = { ...Object.fromEntries(set), NODE_ENV: 'production' };
  t.equal(loadConfig(production).ADMIN_PASSWORD, undefined);
  t.throws(() => loadConfig({ ADMIN_PASSWORD: 'short' }), 'nor a weak one');
  const bare = await createApp(t, { ADMIN_PASSWORD: '' });
  t.equal((await bare.inject({ url: board, headers: basic('') })).statusCode, 404);
});

t.test('a failed job is shown with its reason, and can be retried', async (t) => {
  t.same(await jobs('failed'), []);
  const job = await failedJob();
  t.match(await jobs('failed'), [{ id: job.id, name: 'orphaned likes', failedReason: /likes/ }]);
  const url = `${board}/api/queues/maintenance/${job.id}/retry`;
  const retry = (site: string) =>
    app.inject({ method: 'PUT', url, headers: { ...headers, 'sec-fetch-site': site } });
  t.match((await retry('cross-site')).json(), { statusCode: 403, code: 'CROSS_SITE' });
  t.ok(await job.isFailed(), 'another site cannot have it done');
  if (!t.equal((await retry('same-origin')).statusCode, 204)) return;
  while (!(await job.isCompleted())) await sleep(1);
  t.match([await jobs('failed'), await jobs('completed')], [[], [{ id: job.id }]]);
});
