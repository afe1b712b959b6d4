import { randomBytes } from 'node:crypto';
import diagnostics from 'node:diagnostics_channel';
import { isDeepStrictEqual } from 'node:util';
import { hash } from '@node-rs/argon2';
import type { FastifyInstance, InjectOptions, RouteOptions } from 'fastify';
import { type Insertable, sql } from 'kysely';
import sharp from 'sharp';
import t, { type Test } from 'tap';
import type { Database } from '../src/database.ts';
import { SessionService } from '../src/sessions/service.ts';
import { newName } from '../src/storage/storage.ts';
import { createApp, type TestUser } from '../test/helper.ts';
import { startS3 } from '../test/s3.ts';

/**
 * Who gets which answer from which route. What is asked for belongs to the owner: their tweet with
 * a photo, their comment, their notification, their upload, their session, their followers.
 *
 *   anonymous   sends no token
 *   another     is somebody else, who is logged in and has liked the owner's tweet
 *   owner       asks for what is theirs
 *   ghost       is somebody else whose account was deleted, with a token that is still valid
 *   late owner  is the owner after their account was deleted, with a token that is still valid
 *
 * A cell is a status and, of an error, a part of its code. HEAD answers as GET does. The pages of
 * the documentation are for everybody, and have rows as all others.
 */
const MATRIX = `
  route                                      anonymous  another           owner         ghost             late owner

  GET /healthz                               200        200               200           200               200
  GET /readyz                                200        200               200           200               200
  GET /docs                                  200        200               200           200               200
  GET /docs/json                             200        200               200           200               200
  GET /docs/yaml                             200        200               200           200               200
  GET /docs/static/*                         200        200               200           200               200
  GET /docs/static/index.html                302        302               302           302               302
  GET /docs/static/swagger-initializer.js    200        200               200           200               200

  POST /api/accounts/signup                  201        201               201           201               201
  POST /api/accounts/login                   200        200               200           200               401 WRONG_LOGIN
  POST /api/accounts/refresh                 200        200               200           200               401 GONE
  POST /api/accounts/logout                  204        204               204           204               204
  GET /api/accounts/me                       401 JWT    200               200           401 GONE          401 GONE
  PATCH /api/profiles/me                     401 JWT    200               200           401 GONE          401 GONE
  PUT /api/profiles/me/avatar                401 JWT    200               200           401 GONE          401 GONE
  POST /api/uploads                          401 JWT    201               201           201               201
  POST /api/uploads/:id/confirm              401 JWT    404 UPLOAD        200           404 UPLOAD        401 GONE
  GET /api/media/:name                       200        200               200           200               200

  POST /api/friendships/:userId/follow       401 JWT    200               400 YOURSELF  200               400 YOURSELF
  POST /api/friendships/:userId/unfollow     401 JWT    200               400 YOURSELF  200               400 YOURSELF
  GET /api/friendships/:userId/followers     200        200               200           200               404 USER
  GET /api/friendships/:userId/followings    200        200               200           200               404 USER

  POST /api/tweets                           401 JWT    201               201           404 USER          404 USER
  GET /api/tweets                            200        200               200           200               404 USER
  GET /api/tweets/:id                        200        200               200           200               404 TWEET
  DELETE /api/tweets/:id                     401 JWT    403 NOT_YOUR      204           404 USER          404 USER
  GET /api/newsfeeds                         401 JWT    200               200           200               200

  POST /api/comments                         401 JWT    201               201           401 GONE          401 GONE
  GET /api/comments                          200        200               200           200               404 TWEET
  PATCH /api/comments/:id                    401 JWT    403 NOT_YOUR      200           403 NOT_YOUR      404 COMMENT
  DELETE /api/comments/:id                   401 JWT    403 NOT_YOUR      204           403 NOT_YOUR      404 COMMENT
  POST /api/likes                            401 JWT    200               200           401 GONE          401 GONE
  POST /api/likes/cancel                     401 JWT    200               200           200               404 TWEET
  GET /api/likes                             200        200               200           200               404 TWEET

  GET /api/notifications                     401 JWT    200               200           200               200
  GET /api/notifications/unread-count        401 JWT    200               200           200               200
  POST /api/notifications/mark-all-as-read   401 JWT    200               200           200               200
  PATCH /api/notifications/:id               401 JWT    404 NOTIFICATION  200           404 NOTIFICATION  200
`;

/** What a request needs besides its method, its path and its token. */
const REQUESTS: Record<string, (world: World) => Partial<InjectOptions>> = {
  'POST /api/accounts/signup': ({ n }) => ({ body: signupOf(`new_${n}`) }),
  'POST /api/accounts/login': ({ owner }) => ({ body: signupOf(owner.username) }),
  'POST /api/accounts/refresh': ({ refreshToken }) => ({ body: { refreshToken } }),
  'POST /api/accounts/logout': ({ refreshToken }) => ({ body: { refreshToken } }),
  'PATCH /api/profiles/me': () => ({ body: { nickname: 'Nick' } }),
  'PUT /api/profiles/me/avatar': () => ({ payload: form({ file: png }) }),
  'POST /api/uploads': () => ({ body: { type: 'image/png', size: png.length } }),
  'POST /api/tweets': () => ({ body: { content: 'Mine' } }),
  'GET /api/tweets': ({ owner }) => ({ query: { userId: owner.id } }),
  'POST /api/comments': ({ tweetId }) => ({ body: { tweetId, content: 'Mine' } }),
  'GET /api/comments': ({ tweetId }) => ({ query: { tweetId } }),
  'PATCH /api/comments/:id': () => ({ body: { content: 'Changed' } }),
  'POST /api/likes': ({ tweetId }) => ({ body: subjectOf(tweetId) }),
  'POST /api/likes/cancel': ({ tweetId }) => ({ body: subjectOf(tweetId) }),
  'GET /api/likes': ({ tweetId }) => ({ query: subjectOf(tweetId) }),
  'PATCH /api/notifications/:id': () => ({ body: { unread: false } }),
};

/** What stands in the path of the route, after the word before it. */
function pathOf(route: string, world: World): string {
  const params: Record<string, string> = {
    'tweets/:id': world.tweetId,
    'comments/:id': world.commentId,
    'uploads/:id': world.uploadId,
    'notifications/:id': world.notificationId,
    'friendships/:userId': world.owner.id,
    'media/:name': world.photo,
    'static/*': 'logo.svg',
  };
  return route.replace(/(\w+\/)(?::\w+|\*)/, (param, before) => before + params[param]);
}

const [head, ...rows] = MATRIX.split('\n')
  .filter((line) => line.trim() !== '')
  .map((line) => {
    const [route = '', ...cells] = line.trim().split(/ {2,}/);
    return { route, cells };
  });
const actors = head?.cells ?? [];

const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
  .png()
  .toBuffer();
const PASSWORD = 'everybody has it';
const password_hash = await hash(PASSWORD);

const { app, routes } = await createAppAndRoutes();
const tables = (await app.db.introspection.getTables()).map(({ name }) => name);

/** Fastify announces every app before its first route, so that nothing can hide from this list. */
async function createAppAndRoutes() {
  const routes = new Set<string>();
  const listen = (message: unknown) =>
    (message as { fastify: FastifyInstance }).fastify.addHook('onRoute', (route: RouteOptions) => {
      for (const method of [route.method].flat()) routes.add(`${method} ${route.url}`);
    });
  const { settings } = await startS3(t);
  diagnostics.subscribe('fastify.initialization', listen);
  const app = await createApp(t, settings);
  diagnostics.unsubscribe('fastify.initialization', listen);
  return { app, routes: [...routes] };
}

/**
 * The owner with all that is theirs, and the others. Each request finds its world as it was made, so
 * that their order does not matter.
 */
interface World extends Record<'owner' | 'another' | 'ghost', TestUser> {
  n: number;
  tweetId: string;
  photo: string;
  commentId: string;
  notificationId: string;
  uploadId: string;
  refreshToken: string;
}

let worlds = 0;

/** Not made over HTTP, so that a route that is broken fails its own row and no other. */
async function createWorld(): Promise<World> {
  worlds += 1;
  const n = worlds;
  const owner = await createUser(`owner_${n}`);
  const another = await createUser(`another_${n}`);
  const ghost = await createUser(`ghost_${n}`);
  await deleteAccount(ghost);
  const photo = newName();
  await app.storage.put(photo, png);
  const photos = JSON.stringify([photo]);
  const tweetId = await insert('tweets', { user_id: owner.id, content: 'Look', photos });
  await insert('newsfeeds', { user_id: owner.id, tweet_id: tweetId });
  const comment = { user_id: owner.id, tweet_id: tweetId, content: 'Well' };
  const commentId = await insert('comments', comment);
  const subject = { subject_type: 'tweet', subject_id: tweetId } as const;
  await insert('likes', { user_id: another.id, ...subject });
  const news = { user_id: owner.id, actor_id: another.id, type: 'like.created' } as const;
  const notificationId = await insert('notifications', { ...news, ...subject });
  const uploadId = randomBytes(16).toString('base64url');
  const expires_at = new Date(Date.now() + 600_000);
  await insert('uploads', { id: uploadId, user_id: owner.id, size: png.length, expires_at });
  await app.storage.put(`${uploadId}.upload`, png);
  const refreshToken = await new SessionService(app.db).open(owner.id);
  return {
    ...{ n, owner, another, ghost },
    ...{ tweetId, photo, commentId, notificationId, uploadId, refreshToken },
  };
}

async function createUser(username: string): Promise<TestUser> {
  const { email } = signupOf(username);
  const id = await insert('users', { username, email, password_hash });
  await insert('profiles', { user_id: id, nickname: null });
  return { id, username, headers: { authorization: `Bearer ${app.jwt.sign({ sub: id })}` } };
}

/** Inserts a row and returns its id. */
async function insert<T extends keyof Database>(table: T, row: Insertable<Database[T]>) {
  const columns = sql.join(Object.keys(row).map((column) => sql.ref(column)));
  const values = sql.join(Object.values(row));
  const query = sql`INSERT INTO ${sql.table(table)} (${columns}) VALUES (${values})`;
  const { insertId } = await query.execute(app.db);
  return String(insertId);
}

/** No route deletes accounts yet. One that did would forget them, too. */
async function deleteAccount({ id }: TestUser): Promise<void> {
  await app.db.deleteFrom('users').where('id', '=', id).execute();
  await app.db.deleteFrom('profiles').where('user_id', '=', id).execute();
  await app.cache.forget('user', id);
}

/** The world of the request before, if that has changed nothing: to make another takes longer. */
let untouched: World | undefined;

/** Sends the request of an actor in a world that nothing has happened in. */
async function ask(route: string, actor: string) {
  const world = untouched ?? (await createWorld());
  const { owner, another, ghost } = world;
  if (actor === 'late owner') await deleteAccount(owner);
  const who = { another, owner, ghost, 'late owner': owner }[actor];
  const [method, url = ''] = route.split(' ') as ['GET', string];
  const more = REQUESTS[twinOf(route) ?? route]?.(world);
  const before = { all: await checksums(), owners: await rowsOf(owner) };
  const request = { method, url: pathOf(url, world), headers: who?.headers ?? {}, ...more };
  const response = await app.inject(request);
  const after = { all: await checksums(), owners: await rowsOf(owner) };
  const isUntouched = actor !== 'late owner' && isDeepStrictEqual(after.all, before.all);
  untouched = isUntouched ? world : undefined;
  return { owner, response, before, after };
}

/** Tells whether anything in the database has changed. */
async function checksums() {
  const list = sql.join(tables.map((table) => sql.table(table)));
  return (await sql`CHECKSUM TABLE ${list}`.execute(app.db)).rows;
}

/** What only the owner may change; their session is left to whoever has its token. */
async function rowsOf({ id }: TestUser) {
  const { db } = app;
  const rows = await Promise.all([
    db.selectFrom('users').selectAll().where('id', '=', id).execute(),
    db.selectFrom('profiles').selectAll().where('user_id', '=', id).execute(),
    db.selectFrom('tweets').selectAll().where('user_id', '=', id).execute(),
    db.selectFrom('newsfeeds').selectAll().where('user_id', '=', id).execute(),
    db.selectFrom('comments').selectAll().where('user_id', '=', id).execute(),
    db.selectFrom('uploads').selectAll().where('user_id', '=', id).execute(),
    // Others add to the inbox by what they do.
    db.selectFrom('notifications').selectAll().where('user_id', '=', id).limit(1).execute(),
  ]);
  // What others do with a tweet or a comment is counted in its row.
  const isCount = (column: string) => column.startsWith('counts_') || column.endsWith('_count');
  return rows.flat().map((row) => {
    const columns = Object.entries(row).filter(([column]) => !isCount(column));
    return Object.fromEntries(columns);
  });
}

function signupOf(username: string) {
  return { username, email: `${username}@example.org`, password: PASSWORD };
}

function subjectOf(tweetId: string) {
  return { subjectType: 'tweet', subjectId: tweetId };
}

function form(fields: Record<string, string | Buffer>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    form.append(name, typeof value === 'string' ? value : new File([new Uint8Array(value)], name));
  }
  return form;
}

t.test('every route has one row, and every row is a route and has all cells', async (t) => {
  const wanted = routes.filter((route) => !twinOf(route) && !isBoard(route));
  t.same(rows.map(({ route }) => route).sort(), wanted.sort(), 'the rows are the routes');
  for (const { route, cells } of rows) {
    t.equal(cells.length, actors.length, route);
    t.same(
      cells.filter((cell) => !/^([23]\d\d|4\d\d \w+)$/.test(cell)),
      [],
      route,
    );
  }
});

for (const { route, cells } of rows) {
  t.test(route, async (t) => {
    for (const [column, cell] of cells.entries()) {
      const actor = actors[column] ?? '';
      for (const asked of [route, ...routes.filter((other) => twinOf(other) === route)]) {
        await check(t, asked, actor, cell);
      }
    }
  });
}

t.test('whoever is logged in does not get to the board of the queues', async (t) => {
  for (const route of routes.filter(isBoard))
    for (const actor of ['anonymous', 'another']) await check(t, route, actor, '401');
});

/** The board has many routes of its own, and a password of its own before all of them. */
function isBoard(route: string): boolean {
  return /^\w+ \/admin\//.test(route);
}

/** Of a HEAD the GET; `HEAD /docs/` comes of a route that answers with and without the slash. */
function twinOf(route: string): string | undefined {
  const get = route.replace(/^HEAD (.+?)\/?$/, 'GET $1');
  return get !== route && routes.includes(get) ? get : undefined;
}

/** Checks one cell: the answer, and that whoever is refused, or only looks, changes nothing. */
async function check(t: Test, route: string, actor: string, cell: string): Promise<void> {
  const { owner, response, before, after } = await ask(route, actor);
  const [status, code = ''] = cell.split(' ');
  const { statusCode, body } = response;
  const asked = `${route}, ${actor}`;
  t.equal(statusCode, Number(status), `${asked}: ${statusCode < 400 ? statusCode : body}`);
  if (code && body) t.match(response.json().code, code, asked);
  // A refresh that is refused because the account is gone has used up its token.
  const isRefused = statusCode >= 400 && !route.endsWith('/refresh');
  const isQuiet = isRefused || /^(GET|HEAD) /.test(route);
  if (isQuiet) t.same(after.all, before.all, `${asked}: nothing changes`);
  if (actor === 'owner' || actor === 'late owner') return;
  t.same(after.owners, before.owners, `${asked}: what is the owner's stays as it is`);
  t.notOk(body.includes(`${owner.username}@`), `${asked}: the owner's email is not shown`);
}
